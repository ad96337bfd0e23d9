import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import type { Analysis } from '../../src/analyzer/analysis.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { createMysqlDatabase, type MysqlDatabase } from '../setup/mysqlDatabase.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { millrace } from './millrace.ts'
import { makeSmallSource } from './smallSource.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const COUNTIES = [55001, 55003, 55027, 55059, 55133]

describe('analyze, on MySQL and HDFS', () => {
  let database: MysqlDatabase
  let dataDir: string
  const storageUrl = `${inject('cluster').env.MILLRACE_STORAGE_URL}/analyze-test-${randomUUID()}`
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'millrace-analyze-'))
    database = await createMysqlDatabase(inject('cluster').env.MILLRACE_SOURCE_URL!)
    const loans = COUNTIES.flatMap((county, index) => Array(20).fill(`(${county}, ${100_000 + 10_000 * index}, 1)`))
    for (const statement of [
      'CREATE TABLE loan_types (id BIGINT, loan_type_name TEXT)',
      `INSERT INTO loan_types VALUES (1, 'Conventional')`,
      'CREATE TABLE loans (county_code BIGINT, loan_amount BIGINT, loan_type_id BIGINT)',
      `INSERT INTO loans VALUES ${loans.join(', ')}`,
    ]) {
      await database.connection.query(statement)
    }
  })
  afterAll(async () => {
    await database.drop()
    rmSync(dataDir, { recursive: true, force: true })
    const storage = webHdfsStorage(parseWebHdfsUrl(storageUrl))
    for (const file of await storage.list('/')) await storage.remove(file.path)
    await storage.close()
  })

  it('measures create and reuse of every county, and draws them', async () => {
    const environment = { MILLRACE_SOURCE_URL: database.url, MILLRACE_STORAGE_URL: storageUrl }
    expect((await millrace(['DbToHdfs'], { dataDir, environment })).code).toBe(0)
    const { code, stdout } = await millrace(['analyze', '--repeats', '2'], { dataDir, environment })
    expect(stdout).toMatch(/^create +10 /m)
    expect(stdout).toMatch(/^reuse +10 /m)
    expect(code).toBe(0)

    const outputs = join(dataDir, 'outputs')
    const [header, ...rows] = readFileSync(join(outputs, 'performance_results.csv'), 'utf8').trimEnd().split('\n')
    expect(header).toBe('operation,time')
    expect(rows).toHaveLength(20)
    for (const row of rows) {
      const [, seconds] = /^(?:create|reuse),(\d+\.\d{3})$/.exec(row)!
      expect(Number(seconds)).toBeGreaterThan(0)
    }
    const svg = readFileSync(join(outputs, 'performance_analysis.svg'), 'utf8')
    for (const text of ['Waukesha', 'Storage: HDFS through WebHDFS']) expect(svg).toContain(text)
    expect(readFileSync(join(outputs, 'performance_analysis.png')).length).toBeGreaterThan(10_000)
  })
})

describe('analyze --kill, with a cluster of its own', () => {
  let cluster: Cluster
  let dataDir: string
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'millrace-analyze-'))
    cluster = await startOwnCluster({ services: ['hdfs'] })
    // Where `npm run cluster` looks for it; and a path without spaces, which separate the words of a command.
    symlinkSync(cluster.folder, join(dataDir, 'cluster'))
    symlinkSync(ROOT, join(dataDir, 'project'))
  })
  afterAll(async () => {
    await cluster.destroy()
    rmSync(dataDir, { recursive: true, force: true })
  })

  it('measures recreate of every county when all DataNodes are killed in turn, and leaves them running', async () => {
    const source = join(dataDir, 'small.duckdb')
    await makeSmallSource(source)
    const environment = {
      MILLRACE_SOURCE_URL: `duckdb:${source}`,
      MILLRACE_STORAGE_URL: cluster.env.MILLRACE_STORAGE_URL!,
      PATH: process.env.PATH!,
    }
    expect((await millrace(['DbToHdfs'], { dataDir, environment })).code).toBe(0)
    const commands = [
      '--kill-command',
      'node project/harness/main.ts kill',
      '--restore-command',
      'node project/harness/main.ts restart',
    ]
    const nodes = ['--kill', 'datanode-1,datanode-2,datanode-3']
    const { code, stdout } = await millrace(
      ['analyze', '--counties', '55001,55003', '--repeats', '1', '--json', ...nodes, ...commands],
      { dataDir, environment },
    )
    const { counties } = JSON.parse(stdout) as Analysis
    const recreated = counties.filter(({ operation }) => operation === 'recreate').map(({ county }) => county)
    expect(new Set(recreated)).toEqual(new Set([55001, 55003]))
    expect(code).toBe(0)
    expect(cluster.status().map(({ state }) => state)).toEqual(Array(4).fill('running'))
  })
})
