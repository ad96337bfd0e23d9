import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePort } from '../../harness/ports.ts'
import { waitUntil } from '../../harness/wait.ts'
import { StoppedBySignal } from '../../src/commands/terminal.ts'
import type { Log, LogRecord } from '../../src/datasources/log.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { acknowledgmentRecord, type Outcome } from '../../src/files/wire/acknowledgment.ts'
import { type Chunk, readChunkHeaders } from '../../src/files/wire/chunk.ts'
import { fileTopics } from '../../src/files/wire/topics.ts'
import { acknowledgmentOf, sha256Of } from '../setup/filesWorld.ts'
import { millrace, type RunOptions } from './millrace.ts'

const topics = fileTopics()

let dataDir: string
let log: Log
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-files-send-'))
  await mkdir(join(dataDir, 'out'))
  log = sqliteLog({ file: join(dataDir, 'log.sqlite') })
})
afterEach(async () => {
  await log.close()
  await rm(dataDir, { recursive: true })
})

const write = (name: string, bytes: Uint8Array | string) => writeFile(join(dataDir, 'out', name), bytes)
const send = (words: string[] = [], options: Partial<RunOptions> = {}) =>
  millrace(['files', 'send', '--machine-id', 'producer1', '--data-folder', 'out', ...words], { dataDir, ...options })

async function chunks(): Promise<{ chunk: Chunk; record: LogRecord }[]> {
  const all: { chunk: Chunk; record: LogRecord }[] = []
  for (let partition = 0; partition < topics.blocks.partitions; partition++) {
    const { records } = await log.fetch(topics.blocks.name, partition, { offset: 0, maxBytes: 1 << 24, waitMillis: 0 })
    for (const record of records) {
      const chunk = readChunkHeaders(record.headers)
      if ('problem' in chunk) throw new Error(chunk.problem)
      all.push({ chunk, record })
    }
  }
  return all
}

/** Says so to each block that is in the log. */
async function acknowledge(outcome: Outcome): Promise<void> {
  const producer = log.producer()
  for (const { chunk } of await chunks()) {
    const said = acknowledgmentOf(chunk, chunk.blockSha256 ?? null, outcome, 'no module')
    await producer.send(topics.acknowledgments.name, [acknowledgmentRecord(said)])
  }
  await producer.close()
}

/** While the command waits. */
async function acknowledgeWhenSent(blocks: number, outcome: Outcome): Promise<void> {
  await waitUntil({ description: `${blocks} blocks in the log`, timeoutMillis: 20_000 }, async () => {
    const sent = await chunks().catch(() => [])
    return sent.filter(({ chunk }) => chunk.blockSha256 !== undefined).length >= blocks
  })
  await acknowledge(outcome)
}

describe('millrace files send', () => {
  test('sends a folder, says so, and tells of what is left out', async () => {
    await write('one', 'some')
    await write('two', randomBytes(5_000))
    await symlink('one', join(dataDir, 'out/link'))
    const { code, stdout, stderr } = await send(['--block-size', '2KiB'])
    expect(stdout).toBe('Sent 2 files in 4 blocks. Left out: 1 link or special file.\n')
    expect(stderr).toContain('warning: "link" was left out: it is a symbolic link.\n')
    expect(stderr).toContain('Sending: 5.0 kB/5.0 kB\n')
    expect(code).toBe(0)
    expect((await chunks()).map(({ chunk }) => [chunk.machine, chunk.totalBlocks])).toContainEqual(['producer1', 3])
  })

  test('prints for programs what it has sent', async () => {
    await write('one', 'some')
    const { code, stdout } = await send(['--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      message: 'Sent 1 file in 1 block.',
      files: [
        {
          file: 'one',
          transfer_id: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
          bytes: 4,
          blocks: 1,
          sent: 1,
          acknowledged: 0,
          sha256: sha256Of(Buffer.from('some')),
        },
      ],
      left_out: [],
    })
  })

  test('a second time sends only what nobody has acknowledged', async () => {
    await write('one', 'some')
    await send()
    await acknowledge('processed')
    await write('two', 'more')
    expect((await send()).stdout).toBe('Sent 2 files in 2 blocks, 1 of them now.\n')
  })

  test('with --wait ends when all is acknowledged', async () => {
    await write('one', 'some')
    const [{ code, stdout }] = await Promise.all([send(['--wait']), acknowledgeWhenSent(1, 'processed')])
    expect([code, stdout]).toEqual([0, 'Sent and got acknowledged 1 file in 1 block.\n'])
  })

  test('with --wait ends with 1 where a block has failed', async () => {
    await write('one', 'some')
    const [{ code, stdout }] = await Promise.all([send(['--wait']), acknowledgeWhenSent(1, 'failed')])
    expect([code, stdout]).toEqual([
      1,
      'error: 1 of 1 file failed. one: 1 of 1 block failed: block 0 on machine1: no module.\n',
    ])
  })

  test('with --wait ends with 130 at Ctrl-C', async () => {
    await write('one', 'some')
    const stop = new AbortController()
    const onStderr = (text: string) => text.includes('acknowledged') && stop.abort(new StoppedBySignal('SIGINT'))
    expect((await send(['--wait'], { signal: stop.signal, onStderr })).code).toBe(130)
  })

  test('seals what it sends where there is a key, from a variable or a file', async () => {
    await write('one', 'the plain text')
    const key = randomBytes(32).toString('base64')
    await writeFile(join(dataDir, 'key'), `${key}\n`)
    await send([], { environment: { MILLRACE_FILES_KEY: key } })
    await send([], { environment: { MILLRACE_FILES_KEY_FILE: join(dataDir, 'key') } })
    const sent = await chunks()
    expect(sent.map(({ chunk }) => chunk.encryption)).toEqual(['aes-256-gcm', 'aes-256-gcm'])
    expect(sent.some(({ record }) => Buffer.from(record.value!).includes('plain'))).toBe(false)
  })

  test.each([
    ['no key', 'MILLRACE_FILES_KEY_FILE', 'short', 'Expected a key of 32 bytes in'],
    ['no file', 'MILLRACE_FILES_KEY_FILE', null, 'but it cannot be read (ENOENT)'],
  ])('refuses a key file that is %s', async (_, name, text, message) => {
    const file = join(dataDir, 'key')
    if (text !== null) await writeFile(file, text)
    const { code, stdout } = await send([], { environment: { [name]: file } })
    expect(code).toBe(1)
    expect(stdout).toContain(message)
  })

  test('says what is wrong with the folder', async () => {
    const { code, stdout, stderr } = await send(['--data-folder', 'no-such'])
    expect([code, stdout]).toEqual([
      1,
      `error: Expected a folder at ${join(dataDir, 'no-such')}, but nothing is there.\n`,
    ])
    expect(stderr).toContain('hint: Name a folder that is there')
  })

  test('says that no broker answers', { timeout: 60_000 }, async () => {
    const { code, stdout } = await send(['--brokers', `127.0.0.1:${await freePort('127.0.0.1')}`])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error: Kafka at kafka:\/\/127\.0\.0\.1:\d+ /)
  })

  test.each([
    [['--block-size', '10'], 'Expected bytes from 1024 to'],
    [['--block-size', 'large'], 'Expected bytes, such as 128MiB or 1000000.'],
    [['--compression', 'rar'], 'Allowed choices are none, gzip, zstd.'],
    [['--machine-id', 'two words'], 'Expected up to 64 letters, digits, ".", "_" and "-".'],
  ])('refuses %s', async (words, message) => {
    const { code, stderr } = await send(words)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
  })

  test('wants a folder', async () => {
    const { code, stderr } = await millrace(['files', 'send'], { dataDir })
    expect(code).toBe(2)
    expect(stderr).toContain("required option '--data-folder <folder>' not specified")
  })
})
