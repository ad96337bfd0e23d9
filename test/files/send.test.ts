import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { CHUNK_BYTES } from '../../src/files/wire/chunk.ts'
import { createSeal } from '../../src/files/wire/seal.ts'
import { type FilesWorld, openFilesWorld, sha256Of } from '../setup/filesWorld.ts'
import { temporaryLog } from '../setup/temporaryLog.ts'

const never = new AbortController().signal

const temporary = temporaryLog()
let world: FilesWorld
beforeEach(async () => {
  world = await openFilesWorld(temporary.log)
})
afterEach(() => world.close())

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
