import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LogHeader } from '../../src/datasources/log.ts'
import { parseSealKey } from '../../src/files/sealKey.ts'
import { type Acknowledgment, acknowledgmentRecord, decodeAcknowledgment } from '../../src/files/wire/acknowledgment.ts'
import { type Chunk, chunkHeaders, readChunkHeaders } from '../../src/files/wire/chunk.ts'
import { decodeContent, encodeBytes } from '../../src/files/wire/content.ts'
import { createSeal } from '../../src/files/wire/seal.ts'
import { decodeStatus, type MachineStatus, statusRecord } from '../../src/files/wire/status.ts'
import { blockKey, fileTopics, readBlockKey } from '../../src/files/wire/topics.ts'

const SHA256 = 'ab'.repeat(32)
const CHUNK: Chunk = {
  transferId: '0123456789abcdef'.repeat(2),
  file: 'sub/ünï 🚀',
  fileBytes: 300,
  totalBlocks: 3,
  block: 2,
  blockOffset: 200,
  blockBytes: 100,
  index: 1,
  count: 2,
  offset: 60,
  sendId: 'run-1',
  machine: 'producer1',
  sentAt: '2026-11-21T10:00:00.000Z',
  encoding: 'identity',
  encryption: 'none',
  blockSha256: SHA256,
  fileSha256: SHA256,
}

describe('the headers of a chunk', () => {
  test('are what was written, as text', () => {
    expect(readChunkHeaders(chunkHeaders(CHUNK))).toEqual(CHUNK)
    const text = Object.fromEntries(chunkHeaders(CHUNK).map(({ name, value }) => [name, Buffer.from(value).toString()]))
    expect(text).toMatchObject({
      'file-name': 'sub/ünï 🚀',
      'block-number': '2',
      'chunk-count': '2',
      'file-sha256': SHA256,
    })
  })

  test('may be in another order, with others among them', () => {
    const headers = [...chunkHeaders(CHUNK), { name: 'trace', value: Buffer.from('x') }].reverse()
    expect(readChunkHeaders(headers)).toEqual(CHUNK)
  })

  const wrong: [Partial<Record<keyof Chunk, unknown>>, string][] = [
    [{ transferId: '../../etc' }, 'the header transfer-id is "../../etc", not 32 hexadecimal digits'],
    [{ file: '' }, 'the header file-name is "", not a name'],
    [{ fileBytes: -1 }, 'the header file-size is "-1", not a whole number'],
    [{ fileBytes: '1e3' }, 'the header file-size is "1e3"'],
    [{ fileBytes: '99999999999999999' }, 'the header file-size'],
    [{ block: 3 }, 'block 3 is none of 3 blocks'],
    [{ blockOffset: 201 }, 'the block ends behind the 300 bytes of the file'],
    [{ index: 2 }, 'chunk 2 is none of 2 chunks'],
    [{ offset: 101 }, 'the chunk begins behind the 100 bytes of the block'],
    [{ index: 0 }, "the block's digest is not in its last chunk alone"],
    [{ blockSha256: undefined }, "the block's digest is not in its last chunk alone"],
    [{ fileSha256: undefined }, "the file's digest is not in its last chunk alone"],
    [{ block: 1, blockOffset: 100 }, "the file's digest is not in its last chunk alone"],
    [{ encoding: 'brotli' }, 'the header content-encoding is "brotli", not one of identity, gzip, zstd'],
    [{ encryption: undefined }, 'the header encryption is missing'],
    [{ machine: 'a b' }, 'the header machine-id is "a b"'],
    [{ file: 'x'.repeat(5_000) }, 'the header file-name has 5000 bytes'],
  ]
  test.each(wrong)('%j is told', (change, problem) => {
    const read = readChunkHeaders(chunkHeaders({ ...CHUNK, ...change } as Chunk))
    expect(read).toEqual({ problem: expect.stringContaining(problem) as string })
  })

  test('that come twice are told', () => {
    const headers = [...chunkHeaders(CHUNK), { name: 'block-number', value: Buffer.from('0') }]
    expect(readChunkHeaders(headers)).toEqual({ problem: 'the header block-number is there twice' })
  })

  test('may be anything, and nothing is thrown', () => {
    const known = chunkHeaders(CHUNK)
    const header = fc.record({
      name: fc.oneof(fc.constantFrom(...known.map(({ name }) => name)), fc.string()),
      value: fc.uint8Array({ maxLength: 40 }),
    })
    fc.assert(
      fc.property(fc.array(header, { maxLength: 5 }), fc.boolean(), (others: LogHeader[], withKnown) => {
        const names = new Set(others.map(({ name }) => name))
        const headers = [...others, ...(withKnown ? known.filter(({ name }) => !names.has(name)) : [])]
        const read = readChunkHeaders(headers)
        expect('problem' in read || read.block < read.totalBlocks).toBe(true)
      }),
    )
  })
})

describe('a sealed chunk', () => {
  const seal = createSeal(randomBytes(32))
  const chunk: Chunk = { ...CHUNK, encryption: 'aes-256-gcm' }
  const plain = randomBytes(1_000)

  test('opens with the same key and headers', () => {
    expect(seal.open(chunk, seal.close(chunk, plain)).equals(plain)).toBe(true)
    expect(seal.open(chunk, seal.close(chunk, Buffer.alloc(0)))).toHaveLength(0)
  })

  test('is another each time', () => {
    expect(seal.close(chunk, plain).equals(seal.close(chunk, plain))).toBe(false)
  })

  test('is refused with another key, told in words', () => {
    const other = createSeal(randomBytes(32))
    expect(() => other.open(chunk, seal.close(chunk, plain))).toThrow(
      'Expected chunk 1 of block 2 of "sub/ünï 🚀" to be sealed with our key, but it is not',
    )
  })

  test('is refused with a bit flipped anywhere, or cut', () => {
    const sealed = seal.close(chunk, plain)
    const refused = expect.objectContaining({ code: 'DATA_LOST' }) as Error
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), bit => {
        const flipped = Buffer.from(sealed)
        flipped[bit >> 3]! ^= 1 << (bit & 7)
        expect(() => seal.open(chunk, flipped)).toThrow(refused)
      }),
    )
    for (const length of [0, 11, 27, 28, sealed.length - 1]) {
      expect(() => seal.open(chunk, sealed.subarray(0, length))).toThrow(refused)
    }
  })

  const moved: Partial<Chunk>[] = [
    { transferId: 'f'.repeat(32) },
    { file: 'other' },
    { fileBytes: 301 },
    { block: 1 },
    { blockOffset: 100 },
    { index: 0 },
    { count: 3 },
    { offset: 0 },
    { sendId: 'run-2' },
    { encoding: 'zstd' },
    { blockSha256: 'cd'.repeat(32) },
    { fileSha256: undefined as unknown as string },
  ]
  test.each(moved)('is refused at another place: %j', change => {
    const sealed = seal.close(chunk, plain)
    expect(() => seal.open({ ...chunk, ...change }, sealed)).toThrow('it was changed on its way')
  })
})

describe('the content of a chunk', () => {
  test.each(['identity', 'gzip', 'zstd'] as const)('%s and back gives the same bytes', async wanted => {
    const plain = Buffer.from('alike '.repeat(10_000))
    const { encoding, bytes } = await encodeBytes(plain, wanted)
    expect(encoding).toBe(wanted)
    expect(Buffer.from(await decodeContent({ ...CHUNK, encoding }, bytes, null)).equals(plain)).toBe(true)
  })

  test.each(['gzip', 'zstd'] as const)(
    'that %s would make larger than a chunk is refused before it fills the memory',
    async wanted => {
      const bomb = await encodeBytes(Buffer.alloc(64 * 1024 * 1024), wanted)
      await expect(decodeContent({ ...CHUNK, encoding: wanted }, bomb.bytes, null)).rejects.toMatchObject({
        code: 'DATA_LOST',
        message: expect.stringContaining(`to decompress with ${wanted}`) as string,
      })
    },
  )

  test('that is too large as it is, is refused', async () => {
    await expect(decodeContent(CHUNK, Buffer.alloc(1024 * 1024 + 1), null)).rejects.toThrow('at most 1048576 bytes')
  })

  test.each(['gzip', 'zstd'] as const)('that is no %s is refused', async encoding => {
    await expect(decodeContent({ ...CHUNK, encoding }, Buffer.from('noise'), null)).rejects.toMatchObject({
      code: 'DATA_LOST',
    })
  })

  test('is taken sealed or not, as the receiver has a key or not', async () => {
    const seal = createSeal(randomBytes(32))
    const sealed: Chunk = { ...CHUNK, encryption: 'aes-256-gcm' }
    await expect(decodeContent(CHUNK, Buffer.from('open'), seal)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('Expected sealed chunks only') as string,
    })
    await expect(decodeContent(sealed, seal.close(sealed, Buffer.from('s')), null)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('Expected a key') as string,
    })
  })
})

describe('records about blocks and machines', () => {
  const acknowledgment: Acknowledgment = {
    version: 1,
    transferId: CHUNK.transferId,
    file: CHUNK.file,
    block: 2,
    totalBlocks: 3,
    bytes: 100,
    sha256: SHA256,
    machine: 'machine1',
    outcome: 'processed',
    sendId: 'run-1',
    attempts: 1,
    at: '2026-11-21T10:00:00.000Z',
  }
  const status: MachineStatus = {
    version: 1,
    machine: 'producer1',
    role: 'sender',
    state: 'busy',
    at: '2026-11-21T10:00:00.000Z',
    blocksProcessed: 1,
    bytesProcessed: 100,
    failures: 0,
    transfers: [
      {
        transferId: CHUNK.transferId,
        file: 'f',
        bytes: 1,
        totalBlocks: 1,
        sentBlocks: 1,
        sentBytes: 1,
        state: 'waiting',
      },
    ],
  }

  test('come back as they were sent', () => {
    expect(decodeAcknowledgment(acknowledgmentRecord(acknowledgment).value)).toEqual(acknowledgment)
    expect(decodeStatus(statusRecord(status).value)).toEqual(status)
  })

  test.each([
    [null, 'there is no value'],
    ['{', 'the value is no JSON'],
    ['[]', 'the value: '],
    [JSON.stringify({ ...acknowledgment, version: 2 }), 'the field "version": '],
    [JSON.stringify({ ...acknowledgment, outcome: 'lost' }), 'the field "outcome": '],
    [JSON.stringify({ ...acknowledgment, block: -1 }), 'the field "block": '],
    ['x'.repeat(1024 * 1024 + 1), 'there are 1048577 bytes'],
  ])('%.60j is no acknowledgment, and it is told why', (value, problem) => {
    const read = decodeAcknowledgment(value === null ? null : Buffer.from(value))
    expect(read).toEqual({ problem: expect.stringContaining(problem) as string })
  })

  test('have a key that names the block', () => {
    expect(blockKey(CHUNK.transferId, 2).toString()).toBe(`${CHUNK.transferId}/2`)
    expect(readBlockKey(blockKey(CHUNK.transferId, 2))).toEqual({ transferId: CHUNK.transferId, block: 2 })
    for (const other of [null, 'abc/1', `${CHUNK.transferId}/02`, `${CHUNK.transferId}/-1`, `${CHUNK.transferId}/1 `]) {
      expect(readBlockKey(other === null ? null : Buffer.from(other))).toBeUndefined()
    }
  })

  test('are in topics whose names may have a prefix', () => {
    expect(fileTopics()).toEqual({
      blocks: { name: 'data-blocks', partitions: 6 },
      acknowledgments: { name: 'block-acknowledgments', partitions: 3 },
      status: { name: 'processing-status', partitions: 3 },
    })
    expect(fileTopics('a-').blocks.name).toBe('a-data-blocks')
  })
})

test.each([
  '',
  'x',
  'f'.repeat(63),
  'g'.repeat(64),
  Buffer.alloc(31).toString('base64'),
  Buffer.alloc(33).toString('base64'),
])('%j is no key', text => expect(parseSealKey(text)).toBeUndefined())
