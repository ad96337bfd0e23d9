import { randomBytes } from 'node:crypto'
import { appendFile, chmod, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import type { Log } from '../../src/datasources/log.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { MillraceError } from '../../src/errors.ts'
import type { SenderStep } from '../../src/files/send/sender.ts'
import { CHUNK_BYTES } from '../../src/files/wire/chunk.ts'
import { createSeal } from '../../src/files/wire/seal.ts'
import { blockKey } from '../../src/files/wire/topics.ts'
import { type FilesWorld, openFilesWorld, type SeenAttempt, sha256Of } from '../setup/filesWorld.ts'

const never = new AbortController().signal

let home: string
let log: Log
let world: FilesWorld
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-send-'))
  log = sqliteLog({ file: join(home, 'log.sqlite') })
})
beforeEach(async () => {
  world = await openFilesWorld(log)
})
afterEach(() => world.close())
afterAll(async () => {
  await log.close()
  await rm(home, { recursive: true })
})

describe('what is sent', () => {
  test('is every file below the folder in blocks, whose digests and places say where they belong', async () => {
    const files: Record<string, Buffer> = {
      empty: Buffer.alloc(0),
      'one block': randomBytes(1_000_000),
      'one and a byte.bin': randomBytes(1_000_001),
      'sub/folder/ünï 🚀 код': randomBytes(2_500_000),
      [`${'n'.repeat(200)}.txt`]: Buffer.from('short'),
    }
    for (const [name, bytes] of Object.entries(files)) await world.write(name, bytes)
    const result = await world.sender({ settings: { blockBytes: 1_000_000 } }).run(never)

    const seen = await world.attempts()
    for (const [name, bytes] of Object.entries(files)) {
      const blocks = seen.filter(({ chunk }) => chunk.file === name).sort((a, b) => a.chunk.block - b.chunk.block)
      const sha256 = sha256Of(bytes)
      expect(Buffer.concat(blocks.map(block => block.bytes)).equals(bytes)).toBe(true)
      expect(blocks.map(({ chunk }) => chunk.blockOffset)).toEqual(blocks.map((_, block) => block * 1_000_000))
      expect(blocks.map(({ chunk }) => chunk.fileSha256)).toEqual(
        blocks.map((_, block) => (block === blocks.length - 1 ? sha256 : undefined)),
      )
      expect(blocks.at(-1)!.chunk).toMatchObject({
        fileBytes: bytes.length,
        totalBlocks: Math.max(1, Math.ceil(bytes.length / 1_000_000)),
        machine: 'producer1',
        encryption: 'none',
        encoding: 'identity',
      })
      expect(result.files.find(({ file }) => file === name)).toMatchObject({
        sha256,
        sends: blocks.length,
        acknowledgedBlocks: 0,
        problem: null,
      })
    }
    expect(result.files).toHaveLength(5)
    expect(result.leftOut).toEqual([])
  })

  test('is cut into chunks that lie in one partition, in order, none larger than a record may be', async () => {
    await world.write('data', randomBytes(CHUNK_BYTES * 2 + 1))
    await world.sender().run(never)
    const chunks = await world.chunks()
    expect(chunks.map(({ chunk }) => chunk.index)).toEqual([0, 1, 2])
    expect(new Set(chunks.map(({ partition }) => partition)).size).toBe(1)
    expect(chunks.map(({ record }) => record.value!.length)).toEqual([CHUNK_BYTES, CHUNK_BYTES, 1])
    expect(chunks.map(({ chunk }) => chunk.blockSha256 !== undefined)).toEqual([false, false, true])
  })

  test('is nothing where the folder is empty', async () => {
    expect(await world.sender().run(never)).toEqual({ files: [], leftOut: [] })
  })

  test.each(['gzip', 'zstd'] as const)('is smaller with %s, and random bytes do not become more', async encoding => {
    const text = Buffer.from('so much alike '.repeat(100_000))
    const noise = randomBytes(100_000)
    await world.write('text', text)
    await world.write('noise', noise)
    await world.sender({ settings: { encoding } }).run(never)
    const chunks = await world.chunks()
    const encodings = Object.fromEntries(chunks.map(({ chunk }) => [chunk.file, chunk.encoding]))
    expect(encodings).toEqual({ text: encoding, noise: 'identity' })
    const bytes = chunks
      .filter(({ chunk }) => chunk.file === 'text')
      .reduce((sum, one) => sum + one.record.value!.length, 0)
    expect(bytes).toBeLessThan(text.length / 10)
    const attempts = await world.attempts()
    expect(Object.fromEntries(attempts.map(({ chunk, sha256 }) => [chunk.file, sha256]))).toEqual({
      noise: sha256Of(noise),
      text: sha256Of(text),
    })
  })

  test('can be read with the key only, where it is sealed', async () => {
    const seal = createSeal(randomBytes(32))
    const secret = Buffer.from('the secret '.repeat(1_000))
    await world.write('secret', secret)
    await world.sender({ seal, settings: { encoding: 'zstd' } }).run(never)
    const [sent] = await world.chunks()
    expect(sent!.chunk).toMatchObject({ encryption: 'aes-256-gcm', encoding: 'zstd' })
    expect(Buffer.from(sent!.record.value!).includes('the secret')).toBe(false)
    expect((await world.attempts(seal)).map(({ bytes }) => bytes)).toEqual([secret])
    await expect(world.attempts()).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(world.attempts(createSeal(randomBytes(32)))).rejects.toMatchObject({ code: 'DATA_LOST' })
  })
})

describe('a run that follows another', () => {
  const settings = { blockBytes: 1_000 }

  test('sends no acknowledged block, and the digest of the whole file all the same', async () => {
    const bytes = randomBytes(4_500)
    await world.write('data', bytes)
    await world.sender({ settings }).run(never)
    const first = await world.attempts()
    for (const attempt of first) {
      if (attempt.chunk.block !== 1 && attempt.chunk.block !== 4) await world.acknowledge(attempt, 'processed')
    }
    const { files } = await world.sender({ settings }).run(never)
    expect(files).toMatchObject([{ sends: 2, acknowledgedBlocks: 3, sha256: sha256Of(bytes) }])
    const again = (await world.attempts()).filter(({ chunk }) => chunk.sendId !== first[0]!.chunk.sendId)
    expect(again).toHaveLength(2)
    expect(new Set(again.map(({ chunk }) => chunk.block))).toEqual(new Set([1, 4]))
    expect(again.find(({ chunk }) => chunk.block === 4)!.chunk.fileSha256).toBe(sha256Of(bytes))
  })

  test('reads nothing where all is acknowledged', async () => {
    await world.write('data', randomBytes(3_000))
    await world.sender({ settings }).run(never)
    for (const attempt of await world.attempts()) await world.acknowledge(attempt, 'processed')
    const steps: SenderStep[] = []
    const sender = world.sender({ settings: { ...settings, wait: true }, onStep: step => void steps.push(step) })
    expect((await sender.run(never)).files).toMatchObject([{ sends: 0, acknowledgedBlocks: 3, sha256: null }])
    expect(steps).toEqual(['topics made', 'resumed', 'all sent'])
    expect(sender.state()).toMatchObject({ bytes: 3_000, sentBytes: 3_000, resumedBytes: 3_000, sentBlocks: 3 })
  })

  test('sends a block again that has failed, or was asked for again', async () => {
    await world.write('data', randomBytes(2_000))
    await world.sender({ settings }).run(never)
    const [one, other] = await world.attempts()
    await world.acknowledge(one!, 'failed', 'the processor threw')
    await world.acknowledge(other!, 'again', 'the digest is wrong')
    expect((await world.sender({ settings }).run(never)).files).toMatchObject([{ sends: 2, failedBlocks: 0 }])
  })

  test('takes an acknowledgment that it cannot read for none, and says so', async () => {
    await world.write('data', 'some')
    await world.sender().run(never)
    const [{ chunk }] = (await world.attempts()) as [SeenAttempt]
    const producer = log.producer()
    const value = Buffer.from(JSON.stringify({ version: 2, outcome: 'processed' }))
    await producer.send(world.topics.acknowledgments.name, [{ key: blockKey(chunk.transferId, 0), value }])
    await producer.close()
    const sender = world.sender()
    expect((await sender.run(never)).files).toMatchObject([{ sends: 1, acknowledgedBlocks: 0 }])
    expect(sender.state().warnings).toEqual([
      expect.stringContaining('An acknowledgment of "data" cannot be read: the field "version"'),
    ])
  })

  test('sends all of a file that has changed, as another transfer', async () => {
    await world.write('data', 'before')
    await world.sender().run(never)
    for (const attempt of await world.attempts()) await world.acknowledge(attempt, 'processed')
    await world.write('data', 'behind')
    await utimes(join(world.folder, 'data'), 1, 1)
    const { files } = await world.sender().run(never)
    expect(files).toMatchObject([{ sends: 1, acknowledgedBlocks: 0 }])
    const ids = new Set((await world.attempts()).map(({ chunk }) => chunk.transferId))
    expect(ids.size).toBe(2)
  })

  test('sends all in blocks of another size, as another transfer', async () => {
    await world.write('data', randomBytes(2_000))
    await world.sender({ settings }).run(never)
    for (const attempt of await world.attempts()) await world.acknowledge(attempt, 'processed')
    expect((await world.sender({ settings: { blockBytes: 2_000 } }).run(never)).files).toMatchObject([{ sends: 1 }])
  })
})

describe('a sender that waits', () => {
  const settings = { blockBytes: 1_000, wait: true }

  /** A receiver that says to each attempt what `judge` says. */
  async function receiveUntil(
    done: Promise<unknown>,
    judge: (block: number, attempt: number) => Parameters<FilesWorld['acknowledge']>[1],
  ) {
    const seen = new Set<string>()
    const attempts = new Map<number, number>()
    let over = false
    void done
      .finally(() => {
        over = true
      })
      .catch(() => {})
    await waitUntil({ description: 'the sender to end', timeoutMillis: 20_000, pollMillis: 10 }, async () => {
      for (const attempt of await world.attempts()) {
        const { block, sendId } = attempt.chunk
        if (seen.has(`${block} ${sendId}`)) continue
        seen.add(`${block} ${sendId}`)
        attempts.set(block, (attempts.get(block) ?? 0) + 1)
        await world.acknowledge(attempt, judge(block, attempts.get(block)!), 'so it was told')
      }
      return over
    })
    return attempts
  }

  test('ends when each block is acknowledged', async () => {
    await world.write('data', randomBytes(2_500))
    const sender = world.sender({ settings })
    const run = sender.run(never)
    await receiveUntil(run, () => 'processed')
    expect((await run).files).toMatchObject([{ sends: 3, acknowledgedBlocks: 3, failedBlocks: 0 }])
    expect(sender.state()).toMatchObject({ phase: 'stopped', acknowledgedBlocks: 3, trouble: null, warnings: [] })
  })

  test('sends a block again that is asked for, three times, and then it has failed', async () => {
    await world.write('data', randomBytes(2_500))
    const run = world.sender({ settings }).run(never)
    const attempts = await receiveUntil(run, (block, attempt) =>
      block === 1 || (block === 2 && attempt < 3) ? 'again' : 'processed',
    )
    expect(Object.fromEntries(attempts)).toEqual({ 0: 1, 1: 4, 2: 3 })
    expect((await run).files).toMatchObject([{ sends: 8, acknowledgedBlocks: 2, failedBlocks: 1 }])
    const last = (await world.statuses()).flatMap(({ transfers = [] }) => transfers).at(-1)
    expect(last).toMatchObject({ state: 'failed', message: 'block 1 on machine1: so it was told' })
  })

  test('ends where the others have failed', async () => {
    await world.write('data', randomBytes(2_000))
    const run = world.sender({ settings }).run(never)
    await receiveUntil(run, block => (block === 0 ? 'failed' : 'processed'))
    expect((await run).files).toMatchObject([{ sends: 2, acknowledgedBlocks: 1, failedBlocks: 1 }])
  })

  test('ends at once when it is told to, and says that it has stopped', async () => {
    await world.write('data', 'some')
    const stop = new AbortController()
    const run = world.sender({
      settings,
      onStep: step => (step === 'all sent' ? stop.abort(new Error('enough')) : undefined),
    })
    await expect(run.run(stop.signal)).rejects.toThrow('enough')
    expect((await world.statuses()).at(-1)).toMatchObject({ machine: 'producer1', role: 'sender', state: 'stopped' })
  })
})

describe('what is not sent', () => {
  test('links, pipes and sockets are told, and not followed', async () => {
    await world.write('data', 'some')
    await symlink('data', join(world.folder, 'link'))
    await symlink('/etc', join(world.folder, 'folder link'))
    const server = createServer().listen(join(world.folder, 'socket'))
    try {
      const { files, leftOut } = await world.sender().run(never)
      expect(files.map(({ file }) => file)).toEqual(['data'])
      expect(leftOut).toEqual([
        { name: 'folder link', reason: 'it is a symbolic link', isFailure: false },
        { name: 'link', reason: 'it is a symbolic link', isFailure: false },
        { name: 'socket', reason: 'it is no regular file', isFailure: false },
      ])
    } finally {
      server.close()
    }
  })

  test('a name that no receiver would take is told as a failure', async () => {
    await world.write('folder/block_0001.bin', 'some')
    await world.write('back\\slash', 'some')
    await writeFile(Buffer.from(`${world.folder}/latin\xe9`, 'latin1'), 'some')
    const { files, leftOut } = await world.sender().run(never)
    expect(files).toEqual([])
    expect(leftOut.map(({ reason, isFailure }) => [reason, isFailure])).toEqual([
      ['its name is no text in UTF-8', true],
      ['the name has a backslash, which some systems take for a path', true],
      ['the name "block_0001.bin" in a folder is kept for blocks', true],
    ])
  })

  const changes: [string, (place: string) => Promise<void>][] = [
    ['grows', place => appendFile(place, 'more')],
    ['is written with as many bytes', place => writeFile(place, randomBytes(CHUNK_BYTES * 3))],
    ['is cut', place => writeFile(place, '')],
    [
      'is replaced by another',
      async place => {
        await writeFile(`${place}.new`, randomBytes(CHUNK_BYTES * 3))
        await rename(`${place}.new`, place)
      },
    ],
    ['is removed', place => rm(place)],
  ]
  test.each(changes)(
    'a file that %s while it is sent fails with CONFLICT, without its last chunk',
    async (_, change) => {
      await world.write('a changing', randomBytes(CHUNK_BYTES * 3))
      await utimes(join(world.folder, 'a changing'), 1, 1)
      await world.write('b other', 'some')
      let changed = false
      const sender = world.sender({
        settings: { wait: false },
        async onStep(step) {
          if (step !== 'chunk put' || changed) return
          changed = true
          await change(join(world.folder, 'a changing'))
        },
      })
      const { files } = await sender.run(never)
      expect(files[0]!.problem).toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('"a changing"') as string,
      })
      expect(files[1]).toMatchObject({ file: 'b other', sends: 1, problem: null })
      expect((await world.attempts()).map(({ chunk }) => chunk.file)).toEqual(['b other'])
      const transfers = (await world.statuses()).flatMap(({ transfers = [] }) => transfers)
      expect(transfers.findLast(({ file }) => file === 'a changing')).toMatchObject({ state: 'failed' })
    },
  )

  test('a file that was replaced before its turn fails, and the others are sent', async () => {
    await world.write('data', 'some')
    await world.write('next', 'some')
    const sender = world.sender({
      async onStep(step) {
        if (step === 'resumed')
          await symlink('next', join(world.folder, 'x')).then(() =>
            rename(join(world.folder, 'x'), join(world.folder, 'data')),
          )
      },
    })
    const { files } = await sender.run(never)
    expect(files).toMatchObject([{ problem: { code: 'CONFLICT' } }, { problem: null, sends: 1 }])
  })

  test('a file or folder that may not be read fails, and the others are sent', async () => {
    for (const name of ['closed', 'closed folder/file', 'open']) await world.write(name, 'some')
    await chmod(join(world.folder, 'closed'), 0)
    await chmod(join(world.folder, 'closed folder'), 0)
    await chmod(world.folder, 0o755)
    const { files, leftOut } = await asNobody(() => world.sender().run(never))
    expect(files).toMatchObject([{ problem: { code: 'FORBIDDEN' } }, { file: 'open', sends: 1 }])
    expect(leftOut).toEqual([{ name: 'closed folder', reason: 'it may not be read', isFailure: true }])
  })
})

/** The superuser reads everything. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) return await work()
  process.seteuid!(65_534)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}

describe('what ends a run', () => {
  test.each([
    ['is not there', 'no-such-folder', 'NOT_FOUND', 'nothing is there'],
    ['is a file', 'file', 'BAD_USER_INPUT', 'but it is none'],
  ])('a folder that %s', async (_, name, code, message) => {
    await world.write('file', 'some')
    const run = world.sender({ folder: join(world.folder, name) }).run(never)
    await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
    await expect(log.partitions(world.topics.blocks.name)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a folder that may not be read', async () => {
    await chmod(world.folder, 0)
    await expect(asNobody(() => world.sender().run(never))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('this user may not') as string,
    })
    await chmod(world.folder, 0o700)
  })

  test('more files or blocks than it keeps in memory', async () => {
    await world.write('one', 'some')
    await world.write('two', 'some')
    await expect(world.sender({ settings: { mostFiles: 1 } }).run(never)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('at most 1 file below') as string,
    })
    await expect(world.sender({ settings: { blockBytes: 1, mostBlocks: 7 } }).run(never)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('at most 7 blocks') as string,
    })
  })

  test('topics with other numbers of partitions', async () => {
    await log.createTopic(world.topics.blocks.name, { partitions: 4, replication: 1 })
    await expect(world.sender().run(never)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('6 partitions, but it exists with 4') as string,
    })
  })

  test('a log that does not answer for longer than it is waited for; until then it is asked again and again', async () => {
    await world.write('data', 'some')
    let nowMillis = 0
    const pauses: number[] = []
    const silent: Log = {
      ...log,
      producer: () => ({
        send: () => Promise.reject(new MillraceError('UNAVAILABLE', 'Kafka does not answer.')),
        close: () => Promise.resolve(),
      }),
    }
    const troubles = new Set<string | null>()
    const sender = world.sender({
      log: silent,
      settings: { patienceMillis: 10_000, firstPauseMillis: 100, mostPauseMillis: 1_000 },
      clock: {
        nowMillis: () => nowMillis,
        deadline: millis => AbortSignal.timeout(millis),
        pause: (millis, signal) => {
          // Reports pause for a second and more, and see the time pass.
          signal?.throwIfAborted()
          if (millis < 1_000) pauses.push(millis)
          nowMillis += millis
          troubles.add(sender.state().trouble)
          return new Promise(resolve => setImmediate(resolve))
        },
      },
    })
    await expect(sender.run(never)).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'Kafka does not answer.' })
    expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800])
    expect(troubles).toContain('Kafka does not answer.')
  })
})

test('the log is told of the machine and of every transfer', async () => {
  for (let file = 0; file < 250; file++) await world.write(`file ${file}`, `${file}`)
  await world.sender().run(never)
  const statuses = await world.statuses()
  expect(statuses.every(({ transfers = [] }) => transfers.length <= 100)).toBe(true)
  expect(statuses.at(-1)).toMatchObject({ state: 'stopped', blocksProcessed: 250, bytesProcessed: 640, failures: 0 })
  const last = new Map(statuses.flatMap(({ transfers = [] }) => transfers.map(one => [one.file, one] as const)))
  expect(last.size).toBe(250)
  for (const one of last.values()) expect(one).toMatchObject({ state: 'waiting', sentBlocks: 1, totalBlocks: 1 })
})
