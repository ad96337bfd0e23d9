import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Analysis } from '../../src/analyzer/analysis.ts'
import { StoppedBySignal } from '../../src/commands/terminal.ts'
import { millrace, type Ran, type RunOptions } from './millrace.ts'
import { makeSmallSource } from './smallSource.ts'

/** The real program on a small source and a directory, started anew by each command. */
describe('analyze, without a server', () => {
  let dataDir: string
  let environment: Record<string, string>
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'millrace-analyze-'))
    const source = join(dataDir, 'small.duckdb')
    await makeSmallSource(source)
    environment = { MILLRACE_SOURCE_URL: `duckdb:${source}`, PATH: process.env.PATH! }
  })
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

  const run = (parameters: string[], options: Partial<RunOptions> = {}): Promise<Ran> =>
    millrace(parameters, { dataDir, environment, ...options })
  const analyze = (...parameters: string[]) => run(['analyze', '--counties', '55001,55003', ...parameters])
  const resultOf = (folder: string, file: string) => readFileSync(join(dataDir, folder, file))

  it('says what is missing before the first migration', async () => {
    const { code, stdout } = await analyze()
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error: No loans have been migrated yet/)
  })

  it('prints a table and the speed-up, and writes the CSV and both pictures', async () => {
    await run(['DbToHdfs'])
    const { code, stdout, stderr } = await analyze('--repeats', '3')
    expect(stderr).toContain('analyze: 16/16 questions\n')
    const number = String.raw` +\d+\.\d`
    expect(stdout).toMatch(/^operation \(ms\) +n +mean +median +p10 +p90 +min +max +std dev$/m)
    expect(stdout).toMatch(new RegExp(`^create +6(${number}){7}$`, 'm'))
    expect(stdout).toMatch(new RegExp(`^reuse +6(${number}){7}$`, 'm'))
    expect(stdout).toMatch(/^reuse is \d+\.\d times faster than create \(by their medians\)$/m)
    expect(stdout).toContain(join(dataDir, 'outputs', 'performance_results.csv'))
    expect(code).toBe(0)

    expect(readdirSync(join(dataDir, 'outputs')).toSorted()).toEqual([
      'performance_analysis.png',
      'performance_analysis.svg',
      'performance_results.csv',
    ])
    const csv = resultOf('outputs', 'performance_results.csv').toString()
    expect(csv).toMatch(/^operation,time\n((create|reuse),\d+\.\d{3}\n){12}$/)
    expect(csv.match(/^create,/gm)).toHaveLength(6)
    const svg = resultOf('outputs', 'performance_analysis.svg').toString()
    for (const text of ['Adams', 'Ashland', 'Average', 'Storage: a local directory']) expect(svg).toContain(text)
    expect(resultOf('outputs', 'performance_analysis.png').subarray(1, 4).toString()).toBe('PNG')
  })

  it('--json prints the figures and where the files are', async () => {
    const { stdout } = await analyze('--repeats', '1', '--out', 'other', '--json')
    const result = JSON.parse(stdout) as Analysis
    expect(result).toMatchObject({
      operations: [
        { operation: 'create', n: 2 },
        { operation: 'reuse', n: 2 },
      ],
      counties: [{ county: 55001 }, { county: 55003 }, { county: 55001 }, { county: 55003 }],
      averages: [{ n: 1, standardDeviation: null }, { n: 1 }],
      speedUp: expect.any(Number) as number,
      files: { csv: join(dataDir, 'other', 'performance_results.csv') },
    })
  })

  it('leaves the partitions there: the next average is a reuse', async () => {
    expect((await run(['CalcAvgLoan', '-c', '55001'])).stdout).toBe('150000\nreuse\n')
  })

  it('--kill measures recreate of what was lost, and restores it', async () => {
    const partition = join(dataDir, 'storage', 'partitions', '55003.parquet')
    const commands = ['--kill-command', 'truncate --size 10', '--restore-command', 'test -s']
    const { code, stdout } = await analyze('--repeats', '2', '--kill', partition, ...commands)
    expect(stdout).toMatch(/^recreate +2 /m)
    expect(code).toBe(0)
    const csv = resultOf('outputs', 'performance_results.csv').toString()
    expect(csv.match(/^recreate,/gm)).toHaveLength(2)
    expect(resultOf('outputs', 'performance_analysis.svg').toString()).toContain('0 to 2 × recreate')
  })

  it('--kill warns where nothing was lost, and says what the command said where it fails', async () => {
    const harmless = ['--repeats', '1', '--kill', 'datanode-1', '--restore-command', 'echo']
    const { code, stderr } = await analyze(...harmless, '--kill-command', 'echo')
    expect(stderr).toContain('warning: No partition was lost with datanode-1, so no recreate was measured.\n')
    expect(code).toBe(0)

    const failed = await analyze(...harmless, '--kill-command', 'cat')
    expect(failed.stdout).toMatch(/^error: "cat datanode-1" failed: cat: .*\n$/)
    expect(failed.code).toBe(1)
  })

  it('refuses a folder that cannot be written, before it measures', async () => {
    writeFileSync(join(dataDir, 'file'), '')
    const { code, stdout, stderr } = await analyze('--out', 'file')
    expect(stdout).toMatch(/^error: The results cannot be written to /)
    expect(stderr).toBe('hint: Name a folder that can be written with --out.\n')
    expect(code).toBe(1)
  })

  it('fails for a county without loans, and for a code that is none', async () => {
    const unknown = await run(['analyze', '--counties', '55001,55005'])
    expect(unknown.stdout).toBe('error: No migrated loan is in county 55005 (Barron County).\n')
    const wrong = await run(['analyze', '--counties', '7'])
    expect(wrong.stdout).toMatch(/^error: .*Expected a county code/)
  })

  it('ends with Ctrl-C', async () => {
    const stop = new AbortController()
    const { code } = await run(['analyze', '--counties', '55001', '--repeats', '1000'], {
      signal: stop.signal,
      onStderr: text => text.startsWith('analyze:') && stop.abort(new StoppedBySignal('SIGINT')),
    })
    expect(code).toBe(130)
  })
})
