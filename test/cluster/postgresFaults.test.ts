import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { POSTGRES_DEADLINES } from '../../src/datasources/postgres/connection.ts'
import { type PostgresAddress, parsePostgresUrl } from '../../src/datasources/postgres/url.ts'
import { postgresWarehouse } from '../../src/datasources/postgresWarehouse.ts'
import type { RowStream } from '../../src/datasources/rowStream.ts'
import type { Publication, Warehouse } from '../../src/datasources/warehouse.ts'
import { hasCode } from '../../src/errors.ts'
import { openCommitProxy } from '../setup/commitProxy.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

const ROUNDS = 5
const ROWS = 60_000
const SHORT = { ...POSTGRES_DEADLINES, connectMillis: 1_500, statementMillis: 2_000, heartbeatMillis: 500 }

describe('a PostgreSQL warehouse', () => {
  let cluster: Cluster
  let address: PostgresAddress
  let warehouse: Warehouse
  beforeAll(async () => {
    cluster = await startOwnCluster({ services: ['postgres'] })
    address = parsePostgresUrl(cluster.env.MILLRACE_WAREHOUSE_URL!)
    warehouse = postgresWarehouse({ address, deadlines: SHORT })
  })
  afterAll(async () => {
    await warehouse.close()
    await cluster.destroy()
  })

  const date = '2026-11-20'
  async function load(table: string, job: string, marker: string, rows = 100): Promise<void> {
    await warehouse.stage({ job, table }, rowsOf(marker, rows))
    await warehouse.publish(publicationOf(table, job, rows))
  }
  const publicationOf = (table: string, job: string, rows: number): Publication => ({
    job,
    dataset: table,
    date,
    fingerprint: job,
    tables: [{ name: table, rows }],
  })
  /** The jobs whose rows are there, of which there must be one, and the one in the load log. */
  async function published(table: string): Promise<{ marker: unknown; rows: number; job: string | undefined }> {
    const { rows } = await warehouse.rows(table, { date, first: 10_000 })
    const markers = new Set(rows.map(row => row[1]))
    expect(markers.size).toBe(1)
    const [entry] = await warehouse.loads({ dataset: table, date, first: 1 })
    return { marker: rows[0]![1], rows: rows.length, job: entry?.job }
  }

  test('killed between stage and publication keeps the old rows, and the stage for the next try', async () => {
    await load('between', 'old', 'old')
    await warehouse.stage({ job: 'new', table: 'between' }, rowsOf('new', 100))
    await cluster.kill('postgres')
    await expect(warehouse.publish(publicationOf('between', 'new', 100))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      hint: expect.any(String),
    })
    await cluster.restart('postgres')
    expect(await published('between')).toEqual({ marker: 'old', rows: 100, job: 'old' })
    await warehouse.publish(publicationOf('between', 'new', 100))
    expect(await published('between')).toEqual({ marker: 'new', rows: 100, job: 'new' })
  })

  test(`killed at some moment of a publication has the old rows or the new, ${ROUNDS} times`, async () => {
    await load('moments', 'job-0', 'job-0', ROWS)
    let took = await millisOf(() => load('moments', 'job-1', 'job-1', ROWS))
    let current = 'job-1'
    for (let round = 0; round < ROUNDS; round++) {
      const job = `round-${round}`
      await warehouse.stage({ job, table: 'moments' }, rowsOf(job, ROWS))
      const publishing = warehouse.publish(publicationOf('moments', job, ROWS)).then(
        () => true,
        error => {
          if (!hasCode(error, 'UNAVAILABLE')) throw error
          return false
        },
      )
      // Spread over the time that a publication takes, so that the rounds hit different steps.
      const killing = Promise.withResolvers<void>()
      setTimeout(
        () => cluster.kill('postgres').then(killing.resolve, killing.reject),
        (took * (round + 1)) / (ROUNDS + 2),
      )
      await killing.promise
      const answered = await publishing
      await cluster.restart('postgres')
      const { rows } = await warehouse.rows('moments', { date, first: 1 })
      const [entry] = await warehouse.loads({ dataset: 'moments', date, first: 1 })
      expect([current, job]).toContain(entry!.job)
      expect(rows[0]![1], 'rows and log agree').toBe(entry!.job)
      expect((await warehouse.tables()).find(({ name }) => name === 'moments')!.rows).toBe(ROWS)
      if (answered) expect(entry!.job, 'what was told to be published is').toBe(job)
      current = entry!.job
      took = Math.max(took, 100)
    }
    await load('moments', 'last', 'last', ROWS)
    const [entry] = await warehouse.loads({ dataset: 'moments', date, first: 1 })
    expect(entry).toMatchObject({ job: 'last', tables: [{ rows: ROWS, replacedRows: ROWS }] })
  })

  test(`killed at some moment of a date's first publication has its rows or none, ${ROUNDS} times`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const [table, job] = [`first_${round}`, `first-${round}`]
      await warehouse.stage({ job, table }, rowsOf(job, ROWS))
      const publishing = warehouse.publish(publicationOf(table, job, ROWS)).catch((error: unknown) => error)
      const killing = Promise.withResolvers<void>()
      setTimeout(() => cluster.kill('postgres').then(killing.resolve, killing.reject), 10 + 15 * round)
      await killing.promise
      await publishing
      await cluster.restart('postgres')
      const shown = (await warehouse.tables()).find(({ name }) => name === table)
      expect([undefined, ROWS]).toContain(shown?.rows)
      await warehouse.publish(publicationOf(table, job, ROWS))
      expect((await warehouse.rows(table, { date, first: 1 })).rows[0]![1]).toBe(job)
    }
  })

  test('whose answer to the commit is lost is asked whether it took place', async () => {
    let lost = 0
    const proxy = await openCommitProxy(address, { committed: () => lost++ > 0 })
    const behind = postgresWarehouse({ address: { ...address, port: proxy.port }, deadlines: SHORT })
    await behind.stage({ job: 'lost', table: 'answers' }, rowsOf('lost', 10))
    expect(await behind.publish(publicationOf('answers', 'lost', 10))).toMatchObject({ job: 'lost' })
    expect(lost).toBe(1)
    expect(await published('answers')).toEqual({ marker: 'lost', rows: 10, job: 'lost' })
    await behind.close()
    proxy.close()
  })

  test('that hangs is unavailable in time, whatever it is asked', async () => {
    await load('hanging', 'old', 'old')
    await warehouse.stage({ job: 'new', table: 'hanging' }, rowsOf('new', 100))
    const endless: RowStream = {
      columns: rowsOf('', 0).columns,
      async *rows() {
        for (;;) yield manyRows
      },
    }
    const manyRows = Array.from({ length: 1_000 }, (_, id) => [id, 'x'.repeat(1_000)])
    let sent = 0
    const enough = Promise.withResolvers<void>()
    const staging = warehouse.stage({ job: 'endless', table: 'hanging' }, endless, {
      onRows: rows => {
        sent = rows
        if (sent > 5_000) enough.resolve()
      },
    })
    const staged = expect(staging).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await enough.promise
    await cluster.hang('postgres')
    const asked = [warehouse.ping(), warehouse.tables(), warehouse.publish(publicationOf('hanging', 'new', 100))]
    for (const answer of asked) await expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await staged
    await cluster.resume('postgres')
    expect(await published('hanging')).toMatchObject({ marker: 'old' })
    await load('hanging', 'new2', 'new2')
  })

  test('tells whoever holds a lock that it is lost', async () => {
    const begun = Promise.withResolvers<void>()
    const working = warehouse.exclusively('the schedule', 1_000, async signal => {
      begun.resolve()
      await once(signal, 'abort')
      return hasCode(signal.reason, 'UNAVAILABLE')
    })
    await begun.promise
    await cluster.kill('postgres')
    expect(await working).toBe(true)
    await cluster.restart('postgres')
    expect(await warehouse.exclusively('the schedule', 1_000, async () => 'mine')).toBe('mine')
  })

  test.each([
    ['password', { password: 'canary' }, 'FORBIDDEN'],
    ['user', { user: 'nobody', password: 'canary' }, 'FORBIDDEN'],
    ['database', { database: 'nowhere' }, 'NOT_FOUND'],
    ['host', { host: 'nowhere.invalid' }, 'UNAVAILABLE'],
    ['port', { port: 1 }, 'UNAVAILABLE'],
    ['TLS', { tls: true }, 'FORBIDDEN'],
  ])('with a wrong %s is an error that says so, without the password', async (_what, change, code) => {
    const wrong = postgresWarehouse({ address: { ...address, ...change }, deadlines: SHORT })
    const error: unknown = await wrong.ping().catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code, hint: expect.any(String) })
    expect(`${String(error)} ${wrong.url}`).not.toMatch(new RegExp(`canary|${address.password}`))
    await wrong.close()
  })

  test('refuses a text with a NUL character, and goes on', async () => {
    const rows: RowStream = {
      columns: rowsOf('', 0).columns,
      async *rows() {
        yield [[1, 'a\0b']]
      },
    }
    await expect(warehouse.stage({ job: 'nul', table: 'nul' }, rows)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('NUL'),
    })
    await warehouse.dropStages('nul')
  })
})

function rowsOf(marker: string, count: number): RowStream {
  return {
    columns: [
      { name: 'id', type: { kind: 'integer', bits: 64, signed: true } },
      { name: 'marker', type: { kind: 'text' } },
    ],
    async *rows() {
      for (let start = 0; start < count; start += 1_000) {
        yield Array.from({ length: Math.min(1_000, count - start) }, (_, row) => [start + row, marker])
      }
    },
  }
}

async function millisOf(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}
