import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import type { FileTransfer } from '../../src/files/files.ts'
import { createReceiver } from '../../src/files/receive/createReceiver.ts'
import { fileTopics } from '../../src/files/wire/topics.ts'
import { collect, post, type Reply } from './testApp.ts'

const BLOCK_BYTES = 256 * 1024
const FILE = 'a folder/ü.bin'
const BYTES = Buffer.from(Array.from({ length: 4 * BLOCK_BYTES + 1 }, (_, index) => (index * 7) % 251))

/** The whole way of a file over real HTTP and WebSocket on the embedded profile: a SQLite log, and a receiver with a connection of its own to it. */
let dataDir: string
let app: App
let url: string
let webSocketUrl: string
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'millrace-files-'))
  const config = readConfig({
    MILLRACE_PORT: '0',
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_FILES_BLOCK_BYTES: String(BLOCK_BYTES),
    MILLRACE_FILES_MACHINE_ID: 'producer1',
  })
  app = await createApp(config, { log: pino({ level: 'silent' }), announce: false })
  const addresses = await app.listen()
  url = addresses.url
  webSocketUrl = addresses.webSocketUrl
  mkdirSync(join(dataDir, 'outbox/first/a folder'), { recursive: true })
  mkdirSync(join(dataDir, 'outbox/second'))
  writeFileSync(join(dataDir, 'outbox/first', FILE), BYTES)
  writeFileSync(join(dataDir, 'outbox/first/empty'), '')
  writeFileSync(join(dataDir, 'outbox/second/more'), BYTES.subarray(0, BLOCK_BYTES))
  symlinkSync('/', join(dataDir, 'outbox/first/root'))
})
afterAll(async () => {
  await app.close()
  rmSync(dataDir, { recursive: true })
})

async function ask(query: string): Promise<Reply> {
  return (await (await post(url, { query })).json()) as Reply
}

async function answer<Data>(query: string): Promise<Data> {
  const { data, errors } = await ask(query)
  expect(errors).toBeUndefined()
  return data as Data
}

/** Runs a receiver, a machine of its own, until the end of `work`. */
async function withReceiver(machine: string, work: () => Promise<void>): Promise<void> {
  const log = sqliteLog({ file: join(dataDir, 'log.sqlite') })
  const stop = new AbortController()
  const receiver = createReceiver({
    log,
    topics: fileTopics(),
    machine,
    groupId: 'distributed-processors',
    output: dataDir,
    seal: null,
    processor: null,
  })
  const ended = receiver.run(stop.signal)
  try {
    await work()
  } finally {
    stop.abort()
    await ended
    await log.close()
  }
}

const JOB = '{ id kind state message errorCode progress { done total unit } }'
interface Job {
  id: string
  kind: string
  state: string
  message: string
  progress: object
}

describe('files from the outbox to a receiver', { timeout: 60_000 }, () => {
  test('before it began there is nothing', async () => {
    expect(await answer('{ fileTransfers { file } machines { id } fileTransfer(file: "x") { file } }')).toEqual({
      fileTransfers: [],
      machines: [],
      fileTransfer: null,
    })
  })

  test.each(['..', '/etc', 'first/root', 'first/root/etc', '../storage'])(
    'sendFiles of %s is forbidden, and starts no job',
    async folder => {
      const { data, errors } = await ask(`mutation { sendFiles(folder: ${JSON.stringify(folder)}) { id } }`)
      expect(data).toEqual({ sendFiles: null })
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'FORBIDDEN',
        hint: expect.stringContaining('MILLRACE_FILES_ROOT') as string,
      })
      expect(await answer('{ jobs(kind: SEND_FILES) { id } }')).toEqual({ jobs: [] })
    },
  )

  test.each(['', '/etc/passwd', 'a/../b'])('a file %j is asked for by a name that none can have', async file => {
    const query = `{ fileTransfer(file: ${JSON.stringify(file)}) { file } }`
    expect((await ask(query)).errors?.[0]).toMatchObject({
      message: expect.stringContaining('Expected the name of a file') as string,
      extensions: { code: 'BAD_USER_INPUT', hint: expect.stringContaining('path below the folder') as string },
    })
  })

  test('sendFiles of a folder that is not there says so', async () => {
    const { errors } = await ask('mutation { sendFiles(folder: "third") { id } }')
    expect(errors?.[0]?.extensions?.code).toBe('NOT_FOUND')
  })

  test('a subscription follows a whole transfer and ends with it', async () => {
    const fields = 'file blocks sent acknowledged sentBytes state machines'
    const following = collect(
      webSocketUrl,
      `subscription { transferProgress(file: ${JSON.stringify(FILE)}) { ${fields} } }`,
    )
    const { sendFiles } = await answer<{ sendFiles: Job }>(`mutation { sendFiles(folder: "first") ${JOB} }`)
    expect(sendFiles).toMatchObject({
      kind: 'SEND_FILES',
      state: 'SUCCEEDED',
      message: 'Sent 2 files in 6 blocks. Left out: 1 link or special file.',
      progress: { done: BYTES.length, total: BYTES.length, unit: 'bytes' },
    })
    expect(await answer(`{ fileTransfer(file: ${JSON.stringify(FILE)}) { bytes state sent acknowledged } }`)).toEqual({
      fileTransfer: { bytes: BYTES.length, state: 'WAITING', sent: 5, acknowledged: 0 },
    })
    let seen: Partial<FileTransfer>[] = []
    await withReceiver('machine1', async () => {
      seen = (await following).map(({ data }) => data!.transferProgress as Partial<FileTransfer>)
    })
    expect(new Set(seen.map(({ file }) => file))).toEqual(new Set([FILE]))
    for (const field of ['sent', 'acknowledged', 'sentBytes'] as const) {
      const values = seen.map(transfer => transfer[field]!)
      expect(values).toEqual(values.toSorted((one, other) => one - other))
    }
    const states = seen.map(({ state }) => state)
    expect(states).toContain('WAITING')
    expect(states.filter(state => state === 'COMPLETE')).toHaveLength(1)
    expect(seen.at(-1)).toEqual({
      file: FILE,
      blocks: 5,
      sent: 5,
      acknowledged: 5,
      sentBytes: BYTES.length,
      state: 'COMPLETE',
      machines: ['machine1'],
    })
  })

  test('what the receiver stored is what was sent, and the machines are known', async () => {
    const blocks = Array.from({ length: 5 }, (_, block) =>
      readFileSync(join(dataDir, 'processed_data_machine1', FILE, `block_000${block}.bin`)),
    )
    expect(Buffer.concat(blocks).equals(BYTES)).toBe(true)
    const { machines } = await answer<{ machines: object[] }>(
      '{ machines { id role state alive blocksProcessed bytesProcessed failures } }',
    )
    const stopped = { state: 'STOPPED', alive: false, blocksProcessed: 6, bytesProcessed: BYTES.length, failures: 0 }
    expect(machines).toEqual([
      { id: 'machine1', role: 'receiver', ...stopped },
      { id: 'producer1', role: 'sender', ...stopped },
    ])
  })

  test('sent again, nothing goes out', async () => {
    const { sendFiles } = await answer<{ sendFiles: Job }>(`mutation { sendFiles(folder: "first") ${JOB} }`)
    expect(sendFiles).toMatchObject({
      state: 'SUCCEEDED',
      message: 'Sent 2 files in 6 blocks, 0 of them now. Left out: 1 link or special file.',
    })
  })

  test('with acknowledged: true the job waits for the receivers; meanwhile another is refused', async () => {
    const started = await answer<{ sendFiles: Job }>(
      `mutation { sendFiles(folder: "second", wait: false, acknowledged: true) ${JOB} }`,
    )
    const { id } = started.sendFiles
    const second = await ask('mutation { sendFiles(folder: "first") { id } }')
    expect(second.errors?.[0]?.extensions?.code).toBe('CONFLICT')
    const message = async () => (await answer<{ job: Job }>(`{ job(id: "${id}") ${JOB} }`)).job.message
    await expect.poll(message, { timeout: 20_000 }).toBe('All is sent; 0 of 1 block acknowledged.')
    await withReceiver('machine2', async () => {
      const state = async () => (await answer<{ job: Job }>(`{ job(id: "${id}") ${JOB} }`)).job
      await expect.poll(state, { timeout: 20_000 }).toMatchObject({
        state: 'SUCCEEDED',
        message: 'Sent and got acknowledged 1 file in 1 block.',
      })
    })
  })

  test('a job that waits for nobody can be cancelled', async () => {
    writeFileSync(join(dataDir, 'outbox/second/last'), 'x')
    const started = await answer<{ sendFiles: Job }>(
      `mutation { sendFiles(folder: "second", wait: false, acknowledged: true) ${JOB} }`,
    )
    const cancelled = await answer<{ cancelJob: Job }>(`mutation { cancelJob(id: "${started.sendFiles.id}") ${JOB} }`)
    expect(cancelled.cancelJob.state).toBe('CANCELLED')
  })
})
