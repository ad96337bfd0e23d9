/** Distinct values in the order in which they first come, and for each value its place among them. */
export interface DistinctNumbers {
  /** `words` 32-bit words each; valid until the next call, too. */
  values: Int32Array
  count: number
  /** Valid until the next call. */
  ids: Int32Array
}

/** More distinct values make no dictionary that is worth its while. */
export const MOST_VALUES = 32_768
const MOST_SLOTS = MOST_VALUES * 2
const slots = new Int32Array(MOST_SLOTS)
let ids = new Int32Array(0)
const found = new Int32Array(MOST_VALUES * 2)

/**
 * Undefined where there are more distinct values than `upTo`, or than MOST_VALUES.
 * @param words 32-bit words of a value: 1 or 2.
 */
export function distinctNumbers(values: Int32Array, words: 1 | 2, upTo: number): DistinctNumbers | undefined {
  const length = values.length / words
  const most = Math.max(1, Math.min(MOST_VALUES, length, Math.floor(upTo)))
  if (ids.length < length) ids = new Int32Array(length * 2)
  return words === 1 ? ofOneWord(values, most) : ofTwoWords(values, most)
}

function ofOneWord(values: Int32Array, most: number): DistinctNumbers | undefined {
  let [min, max] = [values[0] ?? 0, values[0] ?? 0]
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!
    if (value < min) min = value
    if (value > max) max = value
  }
  return max - min < MOST_SLOTS ? ofRange(values, min, max, most) : ofAnyWord(values, most)
}

// Each finds the slot of a value in its own way; nothing is called for a value.
function ofRange(values: Int32Array, min: number, max: number, most: number): DistinctNumbers | undefined {
  slots.fill(0, 0, max - min + 1)
  let count = 0
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!
    let id = slots[value - min]! - 1
    if (id < 0) {
      if (count === most) return undefined
      id = count++
      found[id] = value
      slots[value - min] = count
    }
    ids[index] = id
  }
  return { values: found.subarray(0, count), count, ids }
}

function ofAnyWord(values: Int32Array, most: number): DistinctNumbers | undefined {
  const bits = slotBits(most)
  const mask = (1 << bits) - 1
  slots.fill(0, 0, 1 << bits)
  let count = 0
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!
    let slot = Math.imul(value, 0x9e3779b1) >>> (32 - bits)
    let id = slots[slot]! - 1
    while (id >= 0 && found[id] !== value) {
      slot = (slot + 1) & mask
      id = slots[slot]! - 1
    }
    if (id < 0) {
      if (count === most) return undefined
      id = count++
      found[id] = value
      slots[slot] = count
    }
    ids[index] = id
  }
  return { values: found.subarray(0, count), count, ids }
}

function ofTwoWords(values: Int32Array, most: number): DistinctNumbers | undefined {
  const bits = slotBits(most)
  const mask = (1 << bits) - 1
  slots.fill(0, 0, 1 << bits)
  let count = 0
  for (let index = 0; index < values.length / 2; index++) {
    const low = values[index * 2]!
    const high = values[index * 2 + 1]!
    let slot = Math.imul(Math.imul(low, 0x85ebca6b) ^ high, 0x9e3779b1) >>> (32 - bits)
    let id = slots[slot]! - 1
    while (id >= 0 && (found[id * 2] !== low || found[id * 2 + 1] !== high)) {
      slot = (slot + 1) & mask
      id = slots[slot]! - 1
    }
    if (id < 0) {
      if (count === most) return undefined
      id = count++
      found[id * 2] = low
      found[id * 2 + 1] = high
      slots[slot] = count
    }
    ids[index] = id
  }
  return { values: found.subarray(0, count * 2), count, ids }
}

/** Twice as many slots as values, at least. */
function slotBits(most: number): number {
  return Math.max(1, 32 - Math.clz32(most * 2 - 1))
}
