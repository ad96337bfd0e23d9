import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { duckdbSource } from '../../../src/datasources/duckdbSource.ts'
import { mysqlSource } from '../../../src/datasources/mysqlSource.ts'
import type { Source } from '../../../src/datasources/source.ts'
import { createSample } from '../../../src/loans/sample/createSample.ts'
import { loadSampleInto } from '../../../src/loans/sample/loadSample.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../../setup/mysqlDatabase.ts'

let database: MysqlDatabase
let folder: string
beforeAll(async () => {
  database = await createMysqlDatabase(inject('cluster').env.MILLRACE_SOURCE_URL!)
  folder = await mkdtemp(join(tmpdir(), 'millrace-load-'))
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

async function tables(): Promise<string[]> {
  const [rows] = await database.connection.query<RowDataPacket[]>('SHOW TABLES')
  return rows.map(row => String(Object.values(row)[0])).toSorted()
}

/** Of all rows that a migration reads, whatever their order. */
async function fingerprint(source: Source): Promise<{ rows: number; sum: bigint }> {
  const query = {
    table: 'loans',
    columns: await source.columns('loans'),
    join: {
      table: 'loan_types',
      on: { left: 'loan_type_id', right: 'id' },
      columns: (await source.columns('loan_types')).slice(1),
    },
    where: { column: 'loan_amount', above: 0, below: 1e9 },
  }
  let rows = 0
  let sum = 0n
  for await (const batch of source.rows(query)) {
    rows += batch.length
    for (const row of batch) {
      sum += createHash('md5').update(JSON.stringify(row)).digest().readBigUInt64LE()
    }
  }
  await source.close()
  return { rows, sum: BigInt.asUintN(64, sum) }
}

test('a load that is ended by a signal leaves no table behind', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const loading = loadSampleInto(database.url, {
    signal: stop.signal,
    onProgress: ({ done }) => {
      if (done > 2_000) stop.abort(reason)
    },
  })
  await expect(loading).rejects.toBe(reason)
  expect(await tables()).toEqual([])
})

test('MySQL gets the very rows of the embedded sample, and keeps what was there unless told to replace it', {
  timeout: 300_000,
}, async () => {
  await database.connection.query('CREATE TABLE loans (precious INT)')
  await expect(loadSampleInto(database.url)).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining('"loans"'),
    hint: expect.stringContaining('replace'),
  })
  expect(await tables()).toEqual(['loans'])

  const seen: number[] = []
  await loadSampleInto(database.url, { replace: true, onProgress: ({ done }) => seen.push(done) })
  expect(await tables()).toEqual(['loan_types', 'loans'])
  expect(seen.at(-1)).toBe(447_367)

  const file = join(folder, 'sample.duckdb')
  await createSample({ file })
  const loaded = await fingerprint(mysqlSource({ url: database.url }))
  expect(loaded.rows).toBe(447_367)
  expect(loaded).toEqual(await fingerprint(duckdbSource({ file })))
})
