import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Log } from '../../src/datasources/log.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { encodeReport } from '../../src/weather/report.ts'
import { completeThroughHeader, rowIdHeaders } from '../../src/weather/rowIdHeaders.ts'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'
import { millrace } from './millrace.ts'

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
