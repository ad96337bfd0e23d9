import { MOST_VALUES } from './distinctNumbers.ts'

/** Bytes that dictionaries may still take; columns share one. */
export interface DictionaryRoom {
  bytes: number
}

/** Distinct words, numbered from 0 in the order in which they came. */
export interface DistinctWords {
  count(): number
  /** A word's number; -1 where there is no room for a new one. */
  idOf(bytes: Uint8Array, start: number, length: number, mayAdd: boolean): number
  idOfText(text: string, mayAdd: boolean): number
  /** Where a word stands in `all()`, its length in four bytes before it. */
  place(id: number): { start: number; length: number }
  /** All words so far, each after its length in four bytes. Valid until the next is added. */
  all(): Uint8Array
  clear(): void
}

/** What a word costs beside its bytes: its length, its place, its slots. */
const WORD_OVERHEAD_BYTES = 24
/** And where it came as a string, that and its entry in a map. Measured, about. */
const TEXT_OVERHEAD_BYTES = 56
const LENGTH_BYTES = 4
const FIRST_SLOTS = 256
const FIRST_BYTES = 1_024

export function distinctWords(room: DictionaryRoom): DistinctWords {
  let arena = Buffer.alloc(0)
  let used = 0
  let count = 0
  /** The word that came last often comes again. */
  let last = 0
  let starts = new Int32Array(0)
  let hashes = new Int32Array(0)
  /** A word's number and one; 0 where there is none. At most half are taken. */
  let slots = new Int32Array(0)
  let idOfString = new Map<string, number>()

  const idOf: DistinctWords['idOf'] = (bytes, start, length, mayAdd) => {
    if (last < count && isWord(last, bytes, start, length)) return last
    const hash = hashOf(bytes, start, length)
    const mask = slots.length - 1
    for (let slot = hash & mask; slots.length > 0; slot = (slot + 1) & mask) {
      const id = slots[slot]! - 1
      if (id < 0) break
      if (hashes[id] === hash && isWord(id, bytes, start, length)) {
        last = id
        return id
      }
    }
    return mayAdd ? add(bytes, start, length, hash) : -1
  }

  const isWord = (id: number, bytes: Uint8Array, start: number, length: number): boolean => {
    const at = starts[id]!
    if (starts[id + 1]! - at !== LENGTH_BYTES + length) return false
    for (let index = 0; index < length; index++) {
      if (arena[at + LENGTH_BYTES + index] !== bytes[start + index]) return false
    }
    return true
  }

  const add = (bytes: Uint8Array, start: number, length: number, hash: number): number => {
    const cost = length + WORD_OVERHEAD_BYTES
    if (count === MOST_VALUES || cost > room.bytes) return -1
    room.bytes -= cost
    if (count * 2 >= slots.length) grow()
    if (used + LENGTH_BYTES + length > arena.length) {
      const larger = Buffer.alloc(Math.max(FIRST_BYTES, arena.length * 2, used + LENGTH_BYTES + length))
      larger.set(arena.subarray(0, used))
      arena = larger
    }
    arena.writeUInt32LE(length, used)
    arena.set(bytes.subarray(start, start + length), used + LENGTH_BYTES)
    used += LENGTH_BYTES + length
    hashes[count] = hash
    starts[count + 1] = used
    enter(count)
    return count++
  }

  const enter = (id: number) => {
    const mask = slots.length - 1
    let slot = hashes[id]! & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = id + 1
  }

  const grow = () => {
    const size = Math.max(FIRST_SLOTS, slots.length * 2)
    slots = new Int32Array(size)
    starts = enlarged(starts, size)
    hashes = enlarged(hashes, size)
    for (let id = 0; id < count; id++) enter(id)
  }

  return {
    count: () => count,
    idOf,
    idOfText(text, mayAdd) {
      const known = idOfString.get(text)
      if (known !== undefined) return known
      const bytes = Buffer.from(text)
      const cost = text.length * 2 + TEXT_OVERHEAD_BYTES
      if (cost > room.bytes) return -1
      const id = idOf(bytes, 0, bytes.length, mayAdd)
      if (id < 0) return -1
      room.bytes -= cost
      idOfString.set(text, id)
      return id
    },
    place: id => ({ start: starts[id]! + LENGTH_BYTES, length: starts[id + 1]! - starts[id]! - LENGTH_BYTES }),
    all: () => arena.subarray(0, used),
    clear() {
      arena = Buffer.alloc(0)
      used = 0
      count = 0
      starts = new Int32Array(0)
      hashes = new Int32Array(0)
      slots = new Int32Array(0)
      idOfString = new Map()
    },
  }
}

function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = length
  for (let at = start; at < start + length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return hash ^ (hash >>> 15)
}

function enlarged(numbers: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length)
  larger.set(numbers)
  return larger
}
