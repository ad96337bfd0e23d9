import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { StoppedBySignal } from '../../src/commands/terminal.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'
import { SMALL_TABLES } from '../setup/smallTables.ts'
import { millrace, type Ran, type RunOptions } from './millrace.ts'

/** What a data engineer does in a shell, with two URLs and no server; the tests build on one another. */
describe('the main job from a shell, on MySQL and HDFS', () => {
  let database: MysqlDatabase
  let dataDir: string
  const storageUrl = `${inject('cluster').env.MILLRACE_STORAGE_URL}/cli-test-${randomUUID()}`
  beforeAll(async () => {
    database = await createMysqlDatabase(inject('cluster').env.MILLRACE_SOURCE_URL!)
    dataDir = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
  })
  afterAll(async () => {
    await database.drop()
    rmSync(dataDir, { recursive: true, force: true })
    const storage = webHdfsStorage(parseWebHdfsUrl(storageUrl))
    for (const file of await storage.list('/')) await storage.remove(file.path)
    await storage.close()
  })

  const run = (parameters: string[], options: Partial<RunOptions> = {}): Promise<Ran> =>
    millrace(parameters, {
      dataDir,
      environment: { MILLRACE_SOURCE_URL: database.url, MILLRACE_STORAGE_URL: storageUrl },
      ...options,
    })

  it('Ctrl-C during sample load leaves no table behind', async () => {
    const stop = new AbortController()
    const ran = await run(['sample', 'load', '--into', database.url], {
      signal: stop.signal,
      onStderr: text => text.startsWith('sample:') && stop.abort(new StoppedBySignal('SIGINT')),
    })
    expect(ran.code).toBe(130)
    expect(ran.stdout).toBe('')
    const [tables] = await database.connection.query('SHOW TABLES')
    expect(tables).toEqual([])
  })

  it('sample load refuses to touch tables that are there', async () => {
    for (const statement of SMALL_TABLES) await database.connection.query(statement)
    const { code, stdout, stderr } = await run(['sample', 'load'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error: .*loan/)
    expect(stderr).toMatch(/^hint: .*replace/m)
  })

  it('DbToHdfs copies the loans', async () => {
    const { code, stdout, stderr } = await run(['DbToHdfs'])
    expect(stdout).toMatch(/^Migrated 4 loans with 4 columns in 2 counties to \/hdma-wi-2021\.parquet \(.+\)\.\n$/)
    expect(stderr).toContain('4/4 rows')
    expect(code).toBe(0)
  })

  it('BlockLocations maps two DataNodes to the one block', async () => {
    const { stdout } = await run(['BlockLocations', '-f', '/hdma-wi-2021.parquet'])
    expect(stdout).toMatch(/^\{'127\.0\.0\.1[123]': 1, '127\.0\.0\.1[123]': 1\}\n$/)
  })

  it('CalcAvgLoan gives the average: create, then reuse', async () => {
    expect(await run(['CalcAvgLoan', '-c', '55001'])).toEqual({ code: 0, stdout: '150000\ncreate\n', stderr: '' })
    expect(await run(['CalcAvgLoan', '-c', '55001'])).toEqual({ code: 0, stdout: '150000\nreuse\n', stderr: '' })
  })

  it('systems shows both as answering, without the password', async () => {
    const { stdout } = await run(['systems'])
    expect(stdout).toMatch(/^SOURCE +mysql +yes /m)
    expect(stdout).toMatch(/^STORAGE +webhdfs +yes /m)
    expect(stdout).not.toContain(`:${new URL(database.url).password}@`)
  })
})
