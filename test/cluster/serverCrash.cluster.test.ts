import type { RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { openTcpProxy, type TcpProxy } from '../../harness/proxy.ts'
import { parseWebHdfsUrl, webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { averagesIn, COUNTIES } from '../setup/crashLoans.ts'
import { MIGRATION_POINTS } from '../setup/crashPoints.ts'
import { type CrashProfile, type CrashSite, openCrashSite } from '../setup/crashSite.ts'
import { describeCrashes } from '../setup/crashSuite.ts'
import { createMysqlDatabase } from '../setup/mysqlDatabase.ts'

/** The real MySQL and the real HDFS, where `folder` is the root of the storage. */
async function openProfile(folder: string): Promise<CrashProfile> {
  const { env } = inject('cluster')
  const database = await createMysqlDatabase(env.MILLRACE_SOURCE_URL!)
  const storageUrl = env.MILLRACE_STORAGE_URL! + folder
  return {
    sourceUrl: database.url,
    storageUrl,
    tables: {
      numbers: last => `(SELECT seq AS n FROM seq_1_to_${last}) AS numbers`,
      async run(statements) {
        for (const statement of statements) await database.connection.query(statement)
      },
      async rows(sql) {
        const [rows] = await database.connection.query<RowDataPacket[][]>({ sql, rowsAsArray: true })
        return rows
      },
    },
    openStorage: () => webHdfsStorage(parseWebHdfsUrl(storageUrl)),
    async close() {
      const parent = webHdfsStorage(parseWebHdfsUrl(env.MILLRACE_STORAGE_URL!))
      await parent.remove(folder)
      await parent.close()
      await database.drop()
    },
  }
}

describeCrashes(() => openProfile('/crash'))

describe('a server that starts after a crash while HDFS does not answer', () => {
  let proxy: TcpProxy
  let site: CrashSite

  beforeAll(async () => {
    const profile = await openProfile('/crash-unreachable')
    const { nameNodes, user, root } = parseWebHdfsUrl(profile.storageUrl)
    proxy = await openTcpProxy({ target: nameNodes[0]! })
    site = await openCrashSite({ ...profile, storageUrl: `webhdfs://${user}@${proxy.address}${root}` })
  })
  afterAll(async () => {
    await proxy.close()
    await site.close()
  })

  test('says what the dead one left, and sweeps before it writes once HDFS answers again', async () => {
    const old = await site.refill()
    await site.withServer(async server => {
      expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
    })
    const fresh = await site.refill()
    const point = MIGRATION_POINTS.find(({ name }) => name === 'in the middle of the new file')!
    await site.crash({ work: 'migration', point })
    const left = await site.temporaries()
    expect(left).toHaveLength(1)

    await proxy.refuse()
    await site.withServer(async server => {
      expect(server.newestJob()).toMatchObject({ state: 'INTERRUPTED' })
      await expect(server.averages(COUNTIES)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
      await expect.poll(() => server.logged, { timeout: 10_000 }).toContain('could not look for half-written files')
      expect(await site.temporaries()).toEqual(left)

      await proxy.accept()
      expect(await server.averages(COUNTIES)).toEqual(averagesIn(old))
      expect(await site.temporaries()).toEqual([])
      expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
      expect(await server.averages(COUNTIES)).toEqual(averagesIn(fresh))
    })
    expect(await site.loansIn(LOANS_PATH)).toEqual(fresh)
  })
})
