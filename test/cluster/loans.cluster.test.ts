import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { attachCluster } from '../../harness/cluster.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { LOANS_LAYOUT, LOANS_PATH } from '../../src/loans/loansFile.ts'
import { PARTITIONS_FOLDER, partitionPath } from '../../src/loans/partitionFile.ts'
import { loadSampleInto } from '../../src/loans/sample/loadSample.ts'
import { type ClusterApp, clusterApp } from '../setup/clusterApp.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'
import { fingerprintOfSource, fingerprintOfStored } from '../setup/sampleFingerprint.ts'

/** The main job as the issue tells it, on the whole sample: real MySQL protocol server, real HDFS. */
describe('the loans of Wisconsin', () => {
  const root = '/loans-of-wisconsin'
  let database: MysqlDatabase
  let running: ClusterApp
  let storage: Storage
  let truth: Map<number, { averageLoan: number; loans: number }>

  beforeAll(async () => {
    const { env } = inject('cluster')
    database = await createMysqlDatabase(env.MILLRACE_SOURCE_URL!)
    await loadSampleInto(database.url)
    running = await clusterApp({ sourceUrl: database.url, storageUrl: env.MILLRACE_STORAGE_URL! + root })
    storage = running.storage
    truth = await trueAverages()
  })
  afterAll(async () => {
    await Promise.all([LOANS_PATH, PARTITIONS_FOLDER].map(path => storage.remove(path)))
    await running.close()
    await database.drop()
  })

  test('are migrated: 426,716 rows, 100 columns, every value equal to the source by a fingerprint of other software', async () => {
    expect(await running.migrate()).toMatchObject({ state: 'SUCCEEDED', progress: { done: 426_716, total: 426_716 } })
    expect(await fingerprintOfStored(storage)).toEqual({ ...(await fingerprintOfSource(database)), columns: 100n })
  })

  test('lie on HDFS as asked: two replicas in blocks of 1 MiB, and block locations that add up', async () => {
    const { length } = await storage.stat(LOANS_PATH)
    const cluster = await attachCluster(inject('cluster').folder)
    const [size, withReplicas] = (await cluster!.hdfs(['dfs', '-du', root]))
      .match(/^\d+\s+\d+(?=.*hdma)/m)![0]
      .split(/\s+/)
    expect([Number(size), Number(withReplicas)]).toEqual([length, 2 * length])
    const file = await running.app.domains.systems.blockLocations(LOANS_PATH)
    expect(file).toMatchObject({ length, replication: 2, blockBytes: 1 << 20 })
    expect(file.blocks).toHaveLength(Math.ceil(length / (1 << 20)))
    expect(file.blocks.flatMap(({ dataNodes }) => dataNodes)).toHaveLength(2 * Math.ceil(length / (1 << 20)))
  })

  test('have the averages that SQL gives, for all 72 counties in one pass, and again from their partitions', async () => {
    const counties = [...truth.keys()]
    expect(counties).toHaveLength(72)
    const { length } = await storage.stat(LOANS_PATH)
    const created = await running.averages(counties)
    expect(new Map(created.map(({ countyCode, averageLoan, loans }) => [countyCode, { averageLoan, loans }]))).toEqual(
      truth,
    )
    expect(new Set(created.map(({ source }) => source))).toEqual(new Set(['CREATE']))
    const bytesRead = total(created.map(({ cost }) => cost.bytesRead))
    expect(bytesRead).toBeLessThan(length + 2 * (1 << 20)) // all counties once, and the footer

    const reused = await running.averages(counties)
    expect(reused.map(({ averageLoan }) => averageLoan)).toEqual(created.map(({ averageLoan }) => averageLoan))
    expect(new Set(reused.map(({ source }) => source))).toEqual(new Set(['REUSE']))
    // A listing, a look at the main file, and for each partition the NameNode's redirect and the DataNode's bytes.
    expect(total(reused.map(({ cost }) => cost.storageRequests))).toBeLessThanOrEqual(2 + 2 * 72)
  })

  test('have partitions of one replica in one block', async () => {
    const cluster = await attachCluster(inject('cluster').folder)
    const { length } = await storage.stat(partitionPath(55025))
    expect(await cluster!.hdfs(['dfs', '-du', `${root}/partitions/55025.parquet`])).toMatch(
      new RegExp(`^${length}\\s+${length}\\s`),
    )
    expect((await storage.blockLocations(partitionPath(55025))).blocks).toHaveLength(1)
  })

  test('asked for fifty times at once make one partition', async () => {
    await storage.remove(partitionPath(55133))
    const answers = await Promise.all(Array.from({ length: 50 }, () => running.averages([55133])))
    expect(new Set(answers.map(([answer]) => answer!.averageLoan))).toEqual(new Set([truth.get(55133)!.averageLoan]))
    expect(answers.every(([answer]) => answer!.source === 'CREATE')).toBe(true)
    const names = (await storage.list(PARTITIONS_FOLDER)).map(({ path }) => path)
    expect(names).toHaveLength(72)
  })

  test('are averaged rightly though their partition was deleted, garbled or cut short', async () => {
    const whole = await storage.read(partitionPath(55001), {
      offset: 0,
      length: (await storage.stat(partitionPath(55001))).length,
    })
    await storage.remove(partitionPath(55001))
    expect((await running.averages([55001]))[0]).toMatchObject({ ...truth.get(55001), source: 'CREATE' })
    for (const bytes of [
      whole.slice(0, -100),
      whole.with(whole.length >> 1, whole[whole.length >> 1]! ^ 1),
      new Uint8Array(0),
    ]) {
      await replace(partitionPath(55001), bytes)
      expect((await running.averages([55001]))[0]).toMatchObject({ ...truth.get(55001), source: 'RECREATE' })
      expect((await running.averages([55001]))[0]).toMatchObject({ ...truth.get(55001), source: 'REUSE' })
    }
  })

  test('are averaged anew after a second migration', async () => {
    await database.connection.query(
      'UPDATE loans SET loan_amount = loan_amount + 10000 WHERE county_code = 55059 AND loan_amount < 700000',
    )
    expect((await running.migrate()).state).toBe('SUCCEEDED')
    const changed = (await trueAverages()).get(55059)!
    expect(changed.averageLoan).not.toBe(truth.get(55059)!.averageLoan)
    expect((await running.averages([55059]))[0]).toMatchObject({ ...changed, source: 'RECREATE' })
    expect((await running.averages([55059]))[0]).toMatchObject({ ...changed, source: 'REUSE' })
    expect((await running.averages([55001]))[0]).toMatchObject({ ...truth.get(55001), source: 'RECREATE' })
  })

  async function trueAverages(): Promise<Map<number, { averageLoan: number; loans: number }>> {
    const [rows] = await database.connection.query<RowDataPacket[]>(
      `SELECT county_code AS county, FLOOR(AVG(loan_amount)) AS average, COUNT(*) AS loans
        FROM loans JOIN loan_types ON loans.loan_type_id = loan_types.id
        WHERE loan_amount > 30000 AND loan_amount < 800000 AND county_code IS NOT NULL GROUP BY county_code ORDER BY county_code`,
    )
    return new Map(rows.map(({ county, average, loans }) => [county, { averageLoan: Number(average), loans }]))
  }

  async function replace(path: string, bytes: Uint8Array): Promise<void> {
    await storage.create(`${path}.other`, [bytes], { replication: 1, blockBytes: LOANS_LAYOUT.blockBytes })
    await storage.rename(`${path}.other`, path)
  }
})

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}
