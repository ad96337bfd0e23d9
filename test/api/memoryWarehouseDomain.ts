import { MillraceError } from '../../src/errors.ts'
import type { Jobs } from '../../src/jobs/job.ts'
import type { WarehouseDomain } from '../../src/warehouse/warehouse.ts'

const DATE = '2026-11-20'

/** A warehouse of one table with two rows of one date. */
export function memoryWarehouseDomain(jobs: Jobs): WarehouseDomain {
  const lane = (date: string) => ({ lane: `warehouse ${date}` })
  return {
    ingest: (date, options) =>
      jobs.start('INGEST_CITIZENS', async () => `Landed ${date}${options?.force ? ' by force' : ''}.`, lane(date)),
    run: (date, options) =>
      jobs.start('WAREHOUSE_RUN', async () => `Published ${date}${options?.force ? ' by force' : ''}.`, lane(date)),
    plan: async date => ({
      date,
      steps: [{ name: 'ingest', state: 'QUEUED', rows: null, elapsedMillis: null, message: 'Lands it.' }],
      problems: [],
    }),
    runs: first =>
      Array.from({ length: Math.min(first, 2) }, (_, index) => ({
        date: `2026-11-${20 - index}`,
        state: 'SUCCEEDED',
        attempts: 1,
        startedAt: new Date(0),
        finishedAt: new Date(1_000),
        steps: [{ name: 'ingest', state: 'SUCCEEDED', rows: 10_000_000_000, elapsedMillis: 1.5, message: null }],
      })),
    tables: async () => [{ name: 'agg_income', description: 'Income.', rows: 2, latestDate: DATE }],
    async rows(table, date, first) {
      if (table !== 'agg_income') throw new MillraceError('NOT_FOUND', `There is no table ${table}.`)
      const rows = [
        { logical_date: date ?? DATE, region: 'R01', mean_income: 40_000.5, n: null },
        { logical_date: date ?? DATE, region: 'Zoë', mean_income: null, n: 3 },
      ]
      return rows.slice(0, first)
    },
    close: () => {},
  }
}
