import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorOf, isEnd, packetReader, preparedStatement } from '../../src/datasources/mysqlWire.ts'

const LONGEST = 0xff_ff_ff

/** As a server sends it: in parts of at most 16 MiB less one, the last of them shorter. */
function packetsOf(payload: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; at += LONGEST) {
    const part = payload.subarray(at, at + LONGEST)
    const header = Buffer.alloc(4)
    header.writeUIntLE(part.length, 0, 3)
    parts.push(header, part)
    if (part.length < LONGEST) return Buffer.concat(parts)
  }
}

function readAll(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const packets = packetReader()
  const found: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]!
    packets.set(Buffer.concat([packets.rest(), bytes.subarray(at, at + size)]))
    at += size
    for (let place = packets.take(); place; place = packets.take()) {
      found.push(Buffer.from(place.bytes.subarray(place.start, place.end)))
    }
  }
  expect(packets.rest().length).toBe(0)
  return found
}

test('packets come whole, in whatever pieces they arrive', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 12 })
  const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(payloads, sizes, (sent, pieces) => {
      const bytes = Buffer.concat(sent.map(payload => packetsOf(Buffer.from(payload))))
      expect(readAll(bytes, pieces)).toEqual(sent.map(payload => Buffer.from(payload)))
    }),
  )
})

test.each([LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST])('a row of %d bytes comes whole', length => {
  const payload = Buffer.alloc(length, 'a row ')
  const [first, second, ...others] = readAll(Buffer.concat([packetsOf(payload), packetsOf(Buffer.from('next'))]), [4e6])
  expect(first!.equals(payload)).toBe(true)
  expect(second?.toString()).toBe('next')
  expect(others).toEqual([])
})

test('an end, an error and a row are told apart', () => {
  const place = (bytes: Buffer) => ({ bytes, start: 0, end: bytes.length })
  const error = Buffer.concat([Buffer.from([0xff, 0x25, 0x05]), Buffer.from('#70100Query execution was interrupted')])
  expect(errorOf(place(error))).toMatchObject({ errno: 1317, message: 'Query execution was interrupted' })
  expect(errorOf(place(Buffer.from([0xfe, 0, 0, 2, 0])))).toBeUndefined()
  expect(isEnd(place(Buffer.from([0xfe, 0, 0, 2, 0])))).toBe(true)
  expect(isEnd(place(Buffer.from([0, 0, 0])))).toBe(false)
  expect(isEnd(place(error))).toBe(false)
  expect(() => preparedStatement(place(error))).toThrow('Expected a prepared statement')
})
