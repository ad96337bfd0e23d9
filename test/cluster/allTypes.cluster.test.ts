import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { createAllTypesTables } from '../setup/allTypes.ts'
import { expectAllTypes } from '../setup/allTypesValues.ts'
import { type ClusterApp, clusterApp } from '../setup/clusterApp.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'

let database: MysqlDatabase
let running: ClusterApp
beforeAll(async () => {
  const { env } = inject('cluster')
  database = await createMysqlDatabase(env.MILLRACE_SOURCE_URL!)
  await createAllTypesTables(database.connection)
  running = await clusterApp({ sourceUrl: database.url, storageUrl: `${env.MILLRACE_STORAGE_URL}/all-types` })
})
afterAll(async () => {
  await running.storage.remove(LOANS_PATH)
  await running.close()
  await database.drop()
})

test('a table of every SQL type at its extremes is migrated, each value as MySQL itself prints it to DuckDB reading the file', async () => {
  const job = await running.migrate()
  expect(job).toMatchObject({ state: 'SUCCEEDED' })
  await expectAllTypes(database, running.storage)
})
