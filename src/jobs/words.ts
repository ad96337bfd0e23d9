import type { JobKind, Progress } from './job.ts'

/** "120,000 of 426,716 rows", "120,000 rows" while the total is not known, "the start" before the first report. */
export function describeProgress({ done, total, unit }: Progress): string {
  if (unit === '') return 'the start'
  const of = total === null ? '' : ` of ${count(total)}`
  return `${count(done)}${of} ${unit}`
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** How to go on after the server died in the middle of a job of this kind: what to run, and why that is safe. */
export const resumption: Record<JobKind, { run: string; safety: string }> = {
  MIGRATE_LOANS: {
    run: 'run migrateLoans again',
    safety: 'The file in storage is the old one or the new one, never a part.',
  },
  WEATHER: {
    run: 'run startWeather again',
    safety: 'It goes on after the last row that is stored, and stores none twice.',
  },
  COMPACT_WEATHER: {
    run: 'run compactWeather again',
    safety: 'Readers see the small files or the merged one, never both.',
  },
  SEND_FILES: { run: 'run sendFiles again', safety: 'Blocks that were acknowledged are not sent again.' },
  INGEST_CITIZENS: { run: 'run ingestCitizens again for the same date', safety: 'It replaces what it wrote.' },
  WAREHOUSE_RUN: {
    run: 'run runWarehouse again for the same date',
    safety: 'The tables show the old rows or the new ones, and only the steps that are not done are repeated.',
  },
}
