import { MillraceError } from '../errors.ts'

/** The packets of MySQL's client/server protocol, as far as a prepared SELECT without parameters needs them. */
const COMMAND = { PREPARE: 0x16, EXECUTE: 0x17 } as const
const HEADER_BYTES = 4
/** A packet of so many is continued by the next. */
const LONGEST_PACKET = 0xff_ff_ff
const ERROR = 0xff
const END = 0xfe
/** A longer packet that begins like an END is something else. */
const MOST_END_BYTES = 8

export function preparePacket(sql: string): Buffer {
  return command(COMMAND.PREPARE, Buffer.from(sql))
}

export function executePacket(statementId: number): Buffer {
  const body = Buffer.alloc(9)
  body.writeUInt32LE(statementId, 0)
  // No cursor; once.
  body.writeUInt32LE(1, 5)
  return command(COMMAND.EXECUTE, body)
}

function command(code: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES + 1)
  header.writeUIntLE(body.length + 1, 0, 3)
  header[HEADER_BYTES] = code
  return Buffer.concat([header, body])
}

/** Bytes of the protocol, of which whole packets are taken from the front. */
export interface Packets {
  /** Bytes after the last packet that was taken, which do not make one yet. */
  rest(): Buffer
  /** The rest, and what came after it. What take() gave before is no longer valid. */
  set(bytes: Buffer): void
  /** The next packet's payload, which is bytes[start] to bytes[end - 1]; undefined until more bytes have come. */
  take(): PacketPlace | undefined
}

export interface PacketPlace {
  bytes: Buffer
  start: number
  end: number
}

export function packetReader(): Packets {
  let bytes: Buffer = Buffer.alloc(0)
  let at = 0
  /** Copies of the parts of a packet that is continued by the next. */
  let parts: Buffer[] = []
  const place: PacketPlace = { bytes, start: 0, end: 0 }

  return {
    rest: () => bytes.subarray(at),
    set(all) {
      bytes = all
      at = 0
    },
    take() {
      for (;;) {
        const start = at + HEADER_BYTES
        if (start > bytes.length) return undefined
        const length = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
        const end = start + length
        if (end > bytes.length) return undefined
        at = end
        if (length === LONGEST_PACKET) {
          parts.push(Buffer.from(bytes.subarray(start, end)))
          continue
        }
        place.bytes = parts.length > 0 ? Buffer.concat([...parts, bytes.subarray(start, end)]) : bytes
        place.start = parts.length > 0 ? 0 : start
        place.end = parts.length > 0 ? place.bytes.length : end
        parts = []
        return place
      }
    },
  }
}

export function isEnd({ bytes, start, end }: PacketPlace): boolean {
  return bytes[start] === END && end - start <= MOST_END_BYTES
}

/** What an error packet says, as mysql2 would throw it; undefined for any other packet. */
export function errorOf({ bytes, start, end }: PacketPlace): Error | undefined {
  if (bytes[start] !== ERROR) return undefined
  const errno = bytes.readUInt16LE(start + 1)
  const hasState = bytes[start + 3] === 0x23
  const sqlMessage = bytes.toString('utf8', start + (hasState ? 9 : 3), end)
  return Object.assign(new Error(sqlMessage), { errno, sqlMessage })
}

/** The answer to a preparePacket. */
export function preparedStatement({ bytes, start, end }: PacketPlace): { id: number } {
  if (bytes[start] !== 0 || end - start < 9) throw unexpected('a prepared statement')
  const parameters = bytes.readUInt16LE(start + 7)
  if (parameters > 0) throw unexpected('a statement without parameters')
  return { id: bytes.readUInt32LE(start + 1) }
}

export interface WireColumn {
  /** As the protocol numbers them. */
  type: number
  isUnsigned: boolean
  /** Digits after the decimal point; 31 where there are as many as a value needs. */
  decimals: number
  isBinary: boolean
}

/** Of a column's description only what its values look like, which stands at its end. */
export function wireColumn({ bytes, end }: PacketPlace): WireColumn {
  const FIXED_BYTES = 13
  const start = end - FIXED_BYTES
  if (start < 0 || bytes[start] !== FIXED_BYTES - 1) throw unexpected('a description of a column')
  const CHARACTER_SET_BINARY = 63
  const FLAG_UNSIGNED = 32
  return {
    isBinary: bytes.readUInt16LE(start + 1) === CHARACTER_SET_BINARY,
    type: bytes[start + 7]!,
    isUnsigned: (bytes.readUInt16LE(start + 8) & FLAG_UNSIGNED) !== 0,
    decimals: bytes[start + 10]!,
  }
}

export function unexpected(what: string): MillraceError {
  return new MillraceError('INTERNAL', `Expected ${what} from MySQL, got another packet.`)
}
