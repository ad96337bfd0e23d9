import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCommandLine } from '../../src/commands/commandLine.ts'
import type { Log } from '../../src/datasources/log.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { type Acknowledgment, acknowledgmentRecord } from '../../src/files/wire/acknowledgment.ts'
import { type MachineStatus, statusRecord } from '../../src/files/wire/status.ts'
import { fileTopics } from '../../src/files/wire/topics.ts'
import { startTestApp } from '../api/testApp.ts'
import { acknowledgment, machineStatus, transferStatus } from '../files/records.ts'
import { millrace } from './millrace.ts'

const topics = fileTopics()
let dataDir: string
let log: Log
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'millrace-monitor-'))
  log = sqliteLog({ file: join(dataDir, 'log.sqlite') })
  for (const { name, partitions } of Object.values(topics)) await log.createTopic(name, { partitions, replication: 1 })
})
afterEach(async () => {
  await log.close()
  rmSync(dataDir, { recursive: true })
})

async function send(acknowledgments: Partial<Acknowledgment>[], statuses: Partial<MachineStatus>[]): Promise<void> {
  const producer = log.producer()
  await producer.send(
    topics.acknowledgments.name,
    acknowledgments.map(changes => acknowledgmentRecord(acknowledgment(changes))),
  )
  await producer.send(
    topics.status.name,
    statuses.map(changes => statusRecord(machineStatus(changes))),
  )
  await producer.close()
}

const run = (...words: string[]) => millrace(['files', ...words], { dataDir })

interface Seen {
  at: string
  transfers: { file: string; acknowledged: number; state: string; startedAt: string }[]
  machines: { id: string; alive: boolean; blocksProcessed: number }[]
  problems: { cause: string; message: string }[]
  unreadable: number
}

/** The monitor's lines of JSON as they come. */
function follow(environment: Record<string, string> = {}) {
  const stop = new AbortController()
  const lines: Seen[] = []
  const ended = runCommandLine(['files', 'monitor', '--json'], {
    stdout: { write: text => lines.push(JSON.parse(text) as Seen) },
    stderr: { write: () => {} },
    environment: { MILLRACE_DATA_DIR: dataDir, ...environment },
    folder: dataDir,
    signal: stop.signal,
  })
  return { lines, stop: () => stop.abort(), ended }
}

describe('millrace files monitor', () => {
  test('--once draws what there is, also where there is nothing', async () => {
    const nothing = await run('monitor', '--once')
    expect(nothing).toMatchObject({ code: 0, stderr: '' })
    expect(nothing.stdout).toMatch(/^\d\d:\d\d:\d\d {2}0 under way.*\nno files on their way\n\nno machines\n/)
    await send([{ block: 0 }, { block: 1 }], [{ transfers: [transferStatus({ sentBlocks: 3, state: 'waiting' })] }])
    const { stdout } = await run('monitor', '--once')
    expect(stdout).toMatch(/\na\.bin +█████░░░ 2\/3 +3 +0[ \n]/)
    expect(stdout).toMatch(/\nmachine1 +receiver +alive, busy +2 +200 B +0/)
    expect(stdout).toMatch(/\nproducer1 +sender +alive, busy +0 +0 B +0/)
  })

  test('--once --json prints one object with names that stay', async () => {
    await send([{ block: 0, outcome: 'failed', reason: 'no table' }], [])
    const { stdout } = await run('monitor', '--once', '--json')
    const seen = JSON.parse(stdout) as Seen
    expect(seen).toMatchObject({
      transfers: [{ file: 'a.bin', blocks: 3, failed: 1, state: 'SENDING', machines: ['machine1'] }],
      machines: [{ id: 'machine1', role: 'receiver', alive: true, failures: 1 }],
      problems: [
        { kind: 'failure', message: 'a.bin goes on, but 1 of 3 blocks failed: Block 0 on machine1: no table' },
      ],
      unreadable: 0,
    })
    expect(Date.parse(seen.transfers[0]!.startedAt)).toBeLessThanOrEqual(Date.parse(seen.at))
  })

  test('--json prints an object a line as things change, until Ctrl-C, which is no failure', async () => {
    const { lines, stop, ended } = follow()
    const acknowledged = () => lines.at(-1)?.transfers.map(transfer => transfer.acknowledged)
    await expect.poll(acknowledged, { timeout: 10_000 }).toEqual([])
    await send([{ block: 0 }], [])
    await expect.poll(acknowledged, { timeout: 10_000 }).toEqual([1])
    await send([{ block: 1 }, { block: 2 }], [])
    await expect.poll(acknowledged, { timeout: 10_000 }).toEqual([3])
    expect(lines.at(-1)?.transfers[0]?.state).toBe('COMPLETE')
    stop()
    expect(await ended).toBe(0)
  })

  test('where it is no terminal the picture is printed when it changes, until Ctrl-C', async () => {
    const stop = new AbortController()
    const printed: string[] = []
    const ended = runCommandLine(['files', 'monitor'], {
      stdout: { write: text => printed.push(text) },
      stderr: { write: () => {} },
      environment: { MILLRACE_DATA_DIR: dataDir },
      folder: dataDir,
      signal: stop.signal,
    })
    await expect.poll(() => printed.join(''), { timeout: 10_000 }).toContain('no files on their way')
    await send([{ block: 0 }], [])
    await expect.poll(() => printed.join(''), { timeout: 20_000 }).toMatch(/\na\.bin +██░░░░░░ 1\/3/)
    expect(printed).toHaveLength(2)
    stop.abort()
    expect(await ended).toBe(0)
  })

  test('--alert tells a command of each problem once', async () => {
    await send(
      [{ block: 0, outcome: 'failed', reason: 'no table' }],
      [{ role: 'receiver', machine: 'machine3', state: 'paused', trouble: 'The disk is full.' }],
    )
    const file = join(dataDir, 'alerts')
    const { code, stderr } = await run('monitor', '--once', '--alert', `cat >> ${file}`)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const told = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(told.map(line => (JSON.parse(line) as { message: string }).message)).toEqual([
      'a.bin goes on, but 1 of 3 blocks failed: Block 0 on machine1: no table',
      'The receiver machine3 has paused: The disk is full.',
    ])
  })

  test('an alert that reaches nobody is a warning', async () => {
    await send([{ block: 0, outcome: 'failed' }], [])
    const { code, stderr } = await run('monitor', '--once', '--alert', 'echo no mail >&2; exit 1')
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: nobody was told "a\.bin goes on.*": it ended with 1 no mail\n$/)
  })

  test('a log that is nowhere ends it with --once, and is waited for without', async () => {
    const away = { MILLRACE_LOG_URL: 'kafka://127.0.0.1:1' }
    const { code, stdout } = await millrace(['files', 'monitor', '--once'], { dataDir, environment: away })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error: /)
    const { lines, stop, ended } = follow(away)
    await expect.poll(() => lines.at(-1)?.problems, { timeout: 30_000 }).toMatchObject([{ cause: 'log' }])
    stop()
    expect(await ended).toBe(0)
  })

  test('--brokers are those of Kafka', async () => {
    const { code, stdout } = await run('monitor', '--once', '--brokers', '127.0.0.1:1', '127.0.0.1:2')
    expect(code).toBe(1)
    expect(stdout).toContain('127.0.0.1:1')
  })
})

describe('millrace files list', () => {
  test('reads the log where no server runs', async () => {
    expect(await run('list')).toMatchObject({ code: 0, stdout: 'no files on their way\n' })
    await send([{ block: 0 }, { block: 0, totalBlocks: 1, file: 'b.bin', transferId: 'f'.repeat(32) }], [])
    expect((await run('list')).stdout).toMatch(/\nb\.bin +████████ 1\/1 [^\n]* done\n(a\.bin|──)/)
    const complete = await run('list', '--state', 'complete', '--json')
    expect(JSON.parse(complete.stdout)).toMatchObject([{ file: 'b.bin', state: 'COMPLETE' }])
    expect(JSON.parse((await run('list', '--first', '1', '--json')).stdout)).toHaveLength(1)
    expect(await run('list', '--state', 'gone')).toMatchObject({ code: 2 })
  })

  test('asks the server where one runs', async () => {
    const server = await startTestApp()
    const { stdout } = await run('list', '--url', server.url)
    expect(stdout).toMatch(/\na folder\/ü\.bin +░░░░░░░░ 98\/8,192 +100 +1 +123 MB\/s/)
    expect(server.files.asked).toEqual([{ first: 100, state: undefined }])
    await server.close()
  })
})
