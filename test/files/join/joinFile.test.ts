import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { joinFile } from '../../../src/files/join/joinFile.ts'
import { rangesOf } from '../../../src/files/join/wholeFile.ts'
import { type BlockMetadata, blockName } from '../../../src/files/receive/blockMetadata.ts'
import { sha256Of } from '../../setup/filesWorld.ts'

const BLOCK_BYTES = 1_000

let home: string
let output: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-join-'))
  output = join(home, 'output')
})
afterEach(() => rm(home, { recursive: true }))

/** Stores blocks of a file as receivers do: each with the machine that `machineOf` says, or with none. */
async function store(
  file: string,
  bytes: Buffer,
  machineOf: (block: number) => number | null,
  changes: Partial<BlockMetadata> = {},
): Promise<void> {
  const totalBlocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES))
  for (let block = 0; block < totalBlocks; block += 1) {
    const machine = machineOf(block)
    if (machine === null) continue
    const part = bytes.subarray(block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES)
    const metadata: BlockMetadata = {
      version: 1,
      transferId: sha256Of(bytes).slice(0, 32),
      file,
      fileBytes: bytes.length,
      totalBlocks,
      block,
      blockOffset: block * BLOCK_BYTES,
      blockBytes: part.length,
      sha256: sha256Of(part),
      fileSha256: block === totalBlocks - 1 ? sha256Of(bytes) : null,
      chunks: 1,
      sendId: 'send-1',
      sender: 'producer1',
      sentAt: '2026-11-21T10:00:00.000Z',
      encryption: 'none',
      machine: `machine${machine}`,
      receivedAt: '2026-11-21T10:00:01.000Z',
      processedAt: '2026-11-21T10:00:02.000Z',
      attempts: 0,
      ...changes,
    }
    const place = join(folder(machine), file, blockName(metadata))
    await mkdir(dirname(place), { recursive: true })
    await writeFile(`${place}.bin`, part)
    await writeFile(`${place}_metadata.json`, JSON.stringify(metadata))
  }
}
const folder = (machine: number) => join(home, `processed_data_machine${machine}`)
const folders = () => [folder(1), folder(2)]
const turns = (block: number) => 1 + (block % 2)

test('a file is put together from the blocks of several machines', async () => {
  const bytes = randomBytes(4_500)
  await store('sub/a file', bytes, turns)
  expect(await joinFile({ folders: folders(), output })).toEqual({
    file: 'sub/a file',
    output,
    bytes: 4_500,
    blocks: 5,
    sha256: sha256Of(bytes),
  })
  expect((await readFile(output)).equals(bytes)).toBe(true)
})

test('an empty file is put together too', async () => {
  await store('empty', Buffer.alloc(0), () => 1)
  await joinFile({ folders: [folder(1)], output })
  expect((await readFile(output)).length).toBe(0)
})

test('missing blocks are named as ranges, and what was at the output stays', async () => {
  await writeFile(output, 'before')
  await store('file', randomBytes(12_000), block => ([0, 3, 4, 5, 11].includes(block) ? null : 1))
  await expect(joinFile({ folders: [folder(1)], output })).rejects.toMatchObject({
    code: 'DATA_LOST',
    message: 'Expected 12 blocks of "file", but 5 are missing: 0, 3-5, 11.',
  })
  expect(await readFile(output, 'utf8')).toBe('before')
})

test('a damaged block is taken from another machine that has it, else named; the output is not touched', async () => {
  const bytes = randomBytes(3_500)
  await store('file', bytes, () => 1)
  await cp(folder(1), folder(2), { recursive: true })
  const damaged = join('file', 'block_0001.bin')
  await writeFile(join(folder(1), damaged), randomBytes(BLOCK_BYTES))
  await rm(join(folder(1), 'file', 'block_0002.bin'))
  await joinFile({ folders: folders(), output })
  expect((await readFile(output)).equals(bytes)).toBe(true)

  await rm(output)
  await writeFile(join(folder(2), damaged), 'short')
  await expect(joinFile({ folders: folders(), output })).rejects.toMatchObject({
    code: 'DATA_LOST',
    message: expect.stringContaining(damaged) as string,
  })
  expect((await readdir(home)).filter(name => !name.startsWith('processed_data_'))).toEqual([])
})

test('blocks that are whole but make another file are told apart by the digest of the file', async () => {
  await store('file', randomBytes(2_500), () => 1, { fileSha256: 'ab'.repeat(32) })
  await expect(joinFile({ folders: [folder(1)], output })).rejects.toMatchObject({
    code: 'DATA_LOST',
    message: 'Expected the blocks of "file" to make it, but its digest is another.',
  })
})

test('of a file that was sent twice the newest is taken, also where the older one had more blocks', async () => {
  const newer = randomBytes(2_500)
  await store('file', randomBytes(5_000), turns)
  await store('file', newer, block => 2 - (block % 2), { sentAt: '2026-11-21T11:00:00.000Z' })
  await joinFile({ folders: folders(), output })
  expect((await readFile(output)).equals(newer)).toBe(true)
})

test('where there are several files one has to be chosen', async () => {
  await store('one', Buffer.from('1'), () => 1)
  await store('two', Buffer.from('2'), () => 1)
  await expect(joinFile({ folders: [folder(1)], output })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    message: 'Expected to be told which file, because there are 2: "one", "two".',
    hint: 'Choose one with --file.',
  })
  await joinFile({ folders: [folder(1)], output, file: 'two' })
  expect(await readFile(output, 'utf8')).toBe('2')
})

test('what is not there is told', async () => {
  await store('one', Buffer.from('1'), () => 1)
  const join1 = (options: { file?: string; folders?: string[]; output?: string }) =>
    joinFile({ folders: [folder(1)], output, ...options })
  await expect(join1({ file: 'two' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: expect.stringContaining('"two"') as string,
  })
  await expect(join1({ folders: [folder(7)] })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(join1({ folders: [folder(7)], file: 'one' })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await expect(join1({ folders: [join(folder(1), 'one', 'block_0000.bin')] })).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
  })
  await expect(join1({ file: '../one' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  await expect(join1({ output: join(home, 'missing', 'output') })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
})

test('metadata that lies elsewhere than a receiver puts it counts for nothing', async () => {
  await store('one', Buffer.from('1'), () => 1)
  await store('evil', Buffer.from('2'), () => 1, { file: '../../../etc/passwd' })
  await writeFile(join(folder(1), 'one', 'torn_metadata.json'), '{"version": 1, "tran')
  await joinFile({ folders: [folder(1)], output })
  expect(await readFile(output, 'utf8')).toBe('1')
})

test('ranges are shown shortly', () => {
  expect(rangesOf([0])).toBe('0')
  expect(rangesOf([0, 1, 2, 4, 7, 8])).toBe('0-2, 4, 7-8')
  expect(rangesOf(Array.from({ length: 60 }, (_, index) => index * 2))).toMatch(/^0, 2, .*, 38 and 40 more ranges$/)
})
