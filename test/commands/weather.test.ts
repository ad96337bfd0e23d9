import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Log } from '../../src/datasources/log.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { encodeReport } from '../../src/weather/report.ts'
import { completeThroughHeader, rowIdHeaders } from '../../src/weather/rowIdHeaders.ts'
import { startTestApp, type TestApp } from '../api/testApp.ts'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'
import { millrace, type Ran } from './millrace.ts'

/** Built by "npm test" before the tests. */
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

let dataDir: string
let log: Log
const started: RunningProcess[] = []
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'millrace-weather-'))
  log = sqliteLog({ file: join(dataDir, 'log.sqlite') })
})
afterEach(async () => {
  for (const { child } of started.splice(0)) child.kill('SIGKILL')
  await log.close()
  rmSync(dataDir, { recursive: true })
})

function start(parameters: string[], environment: Record<string, string> = {}): RunningProcess {
  const running = startProcess(process.execPath, [cli, 'weather', ...parameters], {
    PATH: process.env.PATH,
    MILLRACE_DATA_DIR: dataDir,
    ...environment,
  })
  started.push(running)
  return running
}

const makeTopic = () => log.createTopic('temperatures', { partitions: 4, replication: 1 })

let lastId = 0

/** One row a station, to partition 2. */
async function send(date: string, stations = ['StationI', 'StationJ']): Promise<void> {
  const producer = log.producer()
  const before = completeThroughHeader(lastId)
  await producer.send(
    'temperatures',
    stations.map((stationId, index) => ({
      key: Buffer.from(stationId),
      value: encodeReport({ stationId, date, degrees: index + 0.5 }),
      headers: rowIdHeaders(++lastId, before),
      partition: 2,
    })),
  )
  await producer.close()
}

const dataFiles = () => readdirSync(join(dataDir, 'storage/data'))

describe('millrace weather consume', () => {
  test.each([[], ['4'], ['-1'], ['two'], ['1.5'], ['']])(
    'without a partition that there is (%s) it prints its usage and ends with 1',
    async (...words) => {
      const { code, stderr } = await millrace(['weather', 'consume', ...words], { dataDir })
      expect(code).toBe(1)
      expect(stderr).toContain('Usage: millrace weather consume [options] <partition>')
      expect(stderr).toContain('a partition from 0 to 3')
    },
  )

  test('--help is no error', async () => {
    const { code, stdout } = await millrace(['weather', 'consume', '--help'], { dataDir })
    expect(code).toBe(0)
    expect(stdout).toContain('Usage: millrace weather consume')
    expect(stdout).not.toContain('--url')
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('on %s it closes the open batch and ends with 0', async signal => {
    await makeTopic()
    await send('2000-01-01', ['StationH', 'StationI', 'StationJ'])
    const running = start(['consume', '2', '--json'], {
      MILLRACE_WEATHER_BATCH_ROWS: '2',
      MILLRACE_WEATHER_BATCH_AGE_SECONDS: '3600',
    })
    // The third row came with the first two; nothing but the signal closes its batch.
    await running.shows('partition-2-batch-0.parquet')
    running.child.kill(signal)
    expect(await running.ended).toBe(0)
    const lines = running.stdout().trim().split('\n')
    expect(lines.map(line => JSON.parse(line) as unknown)).toEqual([
      { path: '/data/partition-2-batch-0.parquet', rows: 2, first_offset: 0, last_offset: 1 },
      { path: '/data/partition-2-batch-1.parquet', rows: 1, first_offset: 2, last_offset: 2 },
      { partition: 2, files: 2, rows: 3, next_batch: 2, next_offset: 3 },
    ])
    expect(dataFiles()).toEqual(['partition-2-batch-0.parquet', 'partition-2-batch-1.parquet'])
    const checkpoint = readFileSync(join(dataDir, 'storage/checkpoints/partition-2.json'), 'utf8')
    expect(JSON.parse(checkpoint)).toMatchObject({ batch_id: 1, offset: 3 })
  })

  test('it goes on where it was killed, and tells of each file', async () => {
    await makeTopic()
    await send('2000-01-01')
    const soon = { MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.05' }
    const first = start(['consume', '2'], soon)
    await first.shows('/data/partition-2-batch-0.parquet: 2 rows, offsets 0 to 1\n')
    first.child.kill('SIGKILL')
    await first.ended
    await send('2000-01-02')
    const second = start(['consume', '2'], soon)
    await second.shows('/data/partition-2-batch-1.parquet: 2 rows, offsets 2 to 3\n')
    second.child.kill('SIGINT')
    expect(await second.ended).toBe(0)
    expect(second.stdout()).toMatch(/Partition 2: wrote 2 rows to 1 file; batch 2 begins at offset 4\.\n$/)
  })

  test('a second one takes the partition over, and the first ends with what happened', async () => {
    await makeTopic()
    const soon = { MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.05' }
    const first = start(['consume', '2'], soon)
    await send('2000-01-01')
    await first.shows('batch-0.parquet')
    const second = start(['consume', '2'], soon)
    const owners = () => readdirSync(join(dataDir, 'storage/checkpoints/owners'))
    await expect.poll(owners, { timeout: 20_000 }).toContain('partition-2-epoch-2.json')
    await send('2000-01-02')
    expect(await first.ended).toBe(1)
    expect(first.output()).toMatch(/error: .*partition 2/i)
    await second.shows('batch-1.parquet')
  })
})

describe('millrace weather debug', () => {
  test('prints a JSON object a line from the live end on, nothing before the first, and ends with 0 on Ctrl-C', async () => {
    await makeTopic()
    await send('1999-12-31')
    const running = start(['debug'])
    let year = 2000
    // It is at the live end once it prints something that was sent meanwhile.
    const sendUntilSeen = async () => {
      await send(`${year++}-01-01`, ['StationI'])
      return running.stdout()
    }
    await expect.poll(sendUntilSeen, { timeout: 20_000 }).not.toBe('')
    const producer = log.producer()
    await producer.send('temperatures', [{ key: Buffer.from('x'), value: Buffer.from('no report'), partition: 2 }])
    await producer.close()
    await send('2999-01-01')
    await running.shows('StationJ')
    running.child.kill('SIGINT')
    expect(await running.ended).toBe(0)
    const lines = running.stdout().trimEnd().split('\n')
    for (const line of lines) {
      expect(Object.keys(JSON.parse(line) as object)).toEqual(['station_id', 'date', 'degrees', 'partition'])
    }
    expect(lines.at(-1)).toBe('{"station_id":"StationJ","date":"2999-01-01","degrees":1.5,"partition":2}')
    expect(running.stdout()).not.toContain('1999')
    expect(running.output()).toMatch(/warning: offset \d+ of partition 2 is no report/)
  })
})

describe('the stream by hand, on the embedded profile', () => {
  const environment = { MILLRACE_WEATHER_DELAY_SECONDS: '0', MILLRACE_WEATHER_BATCH_AGE_SECONDS: '0.05' }
  const run = (...words: string[]) => millrace(['weather', ...words], { dataDir, environment })

  /** A command that goes on until Ctrl-C, which comes as soon as it is time. */
  async function runUntil(isTime: () => Promise<boolean>, ...words: string[]): Promise<Ran> {
    const stop = new AbortController()
    const running = millrace(['weather', ...words], { dataDir, environment, signal: stop.signal })
    await expect.poll(isTime, { timeout: 20_000 }).toBe(true)
    stop.abort()
    return await running
  }

  async function partitions(): Promise<{ partition: number; rows: number; lag: number; endOffset: number }[]> {
    return JSON.parse((await run('partitions', '--json')).stdout) as Awaited<ReturnType<typeof partitions>>
  }

  const isSent = async () => (await partitions()).reduce((sum, { endOffset }) => sum + endOffset, 0) === 30

  test('generate, produce, consume, verify, compact: one after the other', async () => {
    expect(await run('verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('error: Expected a DuckDB file') as string,
      stderr: expect.stringContaining('millrace weather generate') as string,
    })
    expect(await run('generate', '--days', '3')).toMatchObject({
      code: 0,
      stdout: 'Added 30 rows; the last whole day is 2000-01-03.\n',
    })
    expect(await run('verify')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('30 rows in the source, 0 in the files: 30 missing, 0 doubled.') as string,
    })
    const produced = await runUntil(isSent, 'produce')
    expect(produced).toMatchObject({
      code: 0,
      stdout: 'Sent 30 records to topic temperatures; every row up to 30 is in it.\n',
      stderr: 'Sends the first row and what follows to topic temperatures.\n',
    })
    for (const partition of [0, 1, 2, 3]) {
      const isStored = async () => (await partitions())[partition]!.lag === 0
      const consumed = await runUntil(isStored, 'consume', String(partition))
      expect(consumed).toMatchObject({ code: 0, stderr: '' })
      expect(consumed.stdout).toMatch(new RegExp(`Partition ${partition}: wrote \\d+ rows to \\d+ files?;`))
    }
    const proof = { code: 0, stdout: '30 rows in the source, 30 in the files: 0 missing, 0 doubled.\n' }
    expect(await run('verify')).toMatchObject(proof)
    expect((await run('partitions')).stdout).toMatch(/^PARTITION +ROWS +NEXT BATCH +NEXT OFFSET .*\n +0 /)
    expect(await run('compact', '2')).toMatchObject({ code: 0 })
    expect(await run('compact')).toMatchObject({ code: 0 })
    expect(await run('verify')).toMatchObject(proof)
  })

  test('a row that comes again is stored once: produce from the beginning, with files there', async () => {
    await run('generate', '--days', '3')
    await runUntil(isSent, 'produce')
    for (const partition of ['0', '1', '2', '3']) {
      await runUntil(async () => (await partitions())[Number(partition)]!.lag === 0, 'consume', partition)
    }
    const { code, stderr } = await runUntil(isSent, 'produce', '--recreate-topic')
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: file:.*\/data has files that were made from the topic before/)
    expect(await run('verify')).toMatchObject({ code: 0 })
  })

  test('only one process can have the embedded source: the second is told what to do', async () => {
    const generating = start(['generate'], { MILLRACE_WEATHER_DELAY_SECONDS: '0.5' })
    const isHeld = async () => (await run('verify')).stdout
    await expect.poll(isHeld, { timeout: 20_000 }).toContain('weather.duckdb, another process has it open.')
    for (const command of ['generate', 'produce']) {
      const { code, stdout, stderr } = await run(command)
      expect(code).toBe(1)
      expect(stdout).toMatch(
        /^error: Expected to .* the DuckDB file .*weather\.duckdb, another process has it open\.\n$/,
      )
      expect(stderr).toMatch(
        /hint: Only one process at a time .* do the work in the server, or set MILLRACE_SOURCE_URL/,
      )
    }
    await generating.shows('The table has all days up to 20')
    generating.child.kill('SIGTERM')
    expect(await generating.ended).toBe(0)
    expect(generating.stdout()).toMatch(/^Added [\d,]+ rows; the last whole day is 20\d\d-\d\d-\d\d\.\n$/)
  })
})

describe('with a server', () => {
  let server: TestApp
  beforeEach(async () => {
    server = await startTestApp()
  })
  afterEach(() => server.close())

  const ask = (...words: string[]) => millrace(['weather', ...words, '--url', server.url], { dataDir })

  test('partitions, verify and compact ask it', async () => {
    expect((await ask('partitions')).stdout).toMatch(/\n +2 +2 +6 +8589934593 +8589934603 +10 +1 +0\n$/)
    expect(await ask('verify')).toMatchObject({
      code: 1,
      stdout: 'error: 3 rows in the source, 2 in the files: 1 missing, 0 doubled.\nRow 3 is in no file.\n',
    })
    expect(await ask('compact')).toMatchObject({ code: 0, stdout: 'Merged 3 files into 1.\n' })
    expect(await ask('compact', '4')).toMatchObject({ code: 2 })
  })

  test('start and stop move rows in it', async () => {
    const started = await ask('start', '--generate', '--json')
    expect(started.code).toBe(0)
    expect(JSON.parse(started.stdout)).toMatchObject({ kind: 'WEATHER', state: 'RUNNING' })
    expect(await ask('start')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('is running already') as string,
    })
    expect((await ask('stop')).stdout).toContain('Moved 0 rows.')
    expect(await ask('stop')).toMatchObject({ code: 1 })
  })

  test('start without one is refused, because nobody would go on with the work', async () => {
    const { code, stdout, stderr } = await millrace(['weather', 'start'], { dataDir })
    expect(code).toBe(1)
    expect(stdout).toContain('Expected a server that goes on with the work')
    expect(stderr).toContain('millrace serve')
  })
})
