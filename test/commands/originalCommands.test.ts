import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { millrace, type Ran } from './millrace.ts'
import { changeAmounts, makeSmallSource } from './smallSource.ts'

/** The real program on a small source, started anew by each command; the tests build on one another. */
describe('the three original commands, without a server', () => {
  let folder: string
  let source: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
    source = join(folder, 'small.duckdb')
    await makeSmallSource(source)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const run = (...parameters: string[]): Promise<Ran> =>
    millrace(parameters, { dataDir: join(folder, 'data'), environment: { MILLRACE_SOURCE_URL: `duckdb:${source}` } })

  it('say what is missing before the first migration, on stdout and with exit code 1; the hint is on stderr', async () => {
    expect(await run('CalcAvgLoan', '-c', '55001')).toEqual({
      code: 1,
      stdout: 'error: No loans have been migrated yet: there is no /hdma-wi-2021.parquet in the storage.\n',
      stderr: 'hint: Run the mutation migrateLoans (or the command DbToHdfs) first.\n',
    })
  })

  it('DbToHdfs prints one status line, and how far it is on stderr', async () => {
    const { code, stdout, stderr } = await run('DbToHdfs')
    expect(stdout).toMatch(/^Migrated 4 loans with 4 columns in 2 counties to \/hdma-wi-2021\.parquet \(.+\)\.\n$/)
    expect(stderr).toMatch(/^DbToHdfs: .*\n(.*\n)*DbToHdfs: 4\/4 rows/)
    expect(code).toBe(0)
  })

  it('DbToHdfs takes the engine that it is told, and starts nothing where that is not there', async () => {
    const { code, stdout, stderr } = await run('DbToHdfs', '--engine', 'spark')
    expect(stdout).toBe('error: Expected Spark as the engine to migrate with, but it is duckdb:.\n')
    expect(stderr).toContain('hint: Set MILLRACE_ENGINE_URL')
    expect(code).toBe(1)
  })

  it('BlockLocations prints the replicas of each DataNode as Python prints a dict', async () => {
    expect(await run('BlockLocations', '-f', '/hdma-wi-2021.parquet')).toEqual({
      code: 0,
      stdout: "{'localhost': 1}\n",
      stderr: '',
    })
  })

  it('CalcAvgLoan prints the average, rounded down, and create, then reuse', async () => {
    expect(await run('CalcAvgLoan', '-c', '55001')).toEqual({ code: 0, stdout: '150000\ncreate\n', stderr: '' })
    expect(await run('CalcAvgLoan', '-c', '55001')).toEqual({ code: 0, stdout: '150000\nreuse\n', stderr: '' })
    expect(await run('CalcAvgLoan', '--code', '55003')).toEqual({ code: 0, stdout: '100000\ncreate\n', stderr: '' })
  })

  it('CalcAvgLoan prints recreate and the new average after another migration', async () => {
    await changeAmounts(source, 2)
    expect((await run('DbToHdfs')).code).toBe(0)
    expect(await run('CalcAvgLoan', '-c', '55001')).toEqual({ code: 0, stdout: '300001\nrecreate\n', stderr: '' })
    expect(await run('CalcAvgLoan', '-c', '55001')).toEqual({ code: 0, stdout: '300001\nreuse\n', stderr: '' })
  })

  it('fail with exit code 1 for a county and a file that are not there', async () => {
    const average = await run('CalcAvgLoan', '-c', '55005')
    expect(average).toMatchObject({ code: 1, stdout: 'error: No migrated loan is in county 55005 (Barron County).\n' })
    const blocks = await run('BlockLocations', '-f', '/nope')
    expect(blocks.code).toBe(1)
    expect(blocks.stdout).toMatch(/^error: .*"?\/nope"?.*\n$/)
  })

  it('with --json print what a program wants to know, also of a failure', async () => {
    const average = await run('CalcAvgLoan', '-c', '55003', '--json')
    expect(average.stderr).toBe('')
    expect(JSON.parse(average.stdout)).toEqual({
      countyCode: 55003,
      averageLoan: 200_000,
      loans: 2,
      source: 'RECREATE',
      cost: { elapsedMillis: expect.any(Number), bytesRead: expect.any(Number), storageRequests: expect.any(Number) },
    })

    const blocks = await run('BlockLocations', '-f', '/hdma-wi-2021.parquet', '--json')
    expect(JSON.parse(blocks.stdout)).toMatchObject({
      path: '/hdma-wi-2021.parquet',
      dataNodes: [{ dataNode: 'localhost', blocks: 1 }],
      blocks: [{ index: 0, offset: 0, dataNodes: ['localhost'], missing: false }],
    })

    const migration = await run('DbToHdfs', '--json')
    expect(JSON.parse(migration.stdout)).toMatchObject({ kind: 'MIGRATE_LOANS', state: 'SUCCEEDED' })
    expect(migration.stderr).toContain('4/4 rows')

    const failure = await run('CalcAvgLoan', '-c', '55005', '--json')
    expect(failure).toMatchObject({ code: 1, stderr: '' })
    expect(JSON.parse(failure.stdout)).toEqual({
      error: {
        code: 'NOT_FOUND',
        message: 'No migrated loan is in county 55005 (Barron County).',
        hint: expect.any(String),
      },
    })
  })

  it('leave a history that the next command reads, and tell nobody of the server they used', async () => {
    const { stdout } = await run('jobs', '--json')
    const jobs = JSON.parse(stdout) as { kind: string; state: string }[]
    expect(jobs.map(({ kind, state }) => `${kind} ${state}`)).toEqual(Array(3).fill('MIGRATE_LOANS SUCCEEDED'))
    expect(() => readFileSync(join(folder, 'data', 'server.json'))).toThrow('ENOENT')
  })

  it('take turns when two are given at once', async () => {
    const both = await Promise.all([run('counties'), run('counties')])
    const list = 'CODE   NAME\n55001  Adams County\n55003  Ashland County\n'
    expect(both).toEqual(Array(2).fill({ code: 0, stdout: list, stderr: '' }))
  })

  it('say which file the source has not, for a source that is not there', async () => {
    const environment = {
      MILLRACE_SOURCE_URL: `duckdb:${join(folder, 'nothing.duckdb')}`,
      MILLRACE_SOURCE_WAIT_SECONDS: '0',
    }
    const { code, stdout } = await millrace(['DbToHdfs'], { dataDir: join(folder, 'other'), environment })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error: .*nothing\.duckdb.*\n$/)
  })
})
