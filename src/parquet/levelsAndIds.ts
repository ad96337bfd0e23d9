/**
 * Parquet's hybrid of runs and bit-packed groups of eight, which holds ids into a dictionary, and which rows have a value. Written into `target` at `at`;
 * returns where it ends.
 */

/** A run shorter than this costs no less as a run. */
const LEAST_RUN = 16
/** Of bytes that are all ones or all zeros, in a map of bits. */
const LEAST_RUN_BYTES = 4

/** The most bytes that `count` ids of `width` bits take. */
export function mostIdBytes(count: number, width: number): number {
  return Math.ceil(count / 8) * width + Math.ceil(count / LEAST_RUN) * 2 * LONGEST_HEADER + LONGEST_HEADER
}
const LONGEST_HEADER = 9

/** @param width Bits of the largest id, at most 24. */
export function writeIds(target: Uint8Array, start: number, ids: Int32Array, count: number, width: number): number {
  let at = start
  /** Where the ids begin that are not written yet; a multiple of eight lies between it and `next`. */
  let pending = 0
  let next = 0
  while (next < count) {
    const id = ids[next]!
    let end = next + 1
    while (end < count && ids[end] === id) end++
    if (end - next < LEAST_RUN) {
      next = Math.min(next + 8, count)
      continue
    }
    at = packIds(target, at, ids, pending, next, width)
    at = writeVarint(target, at, (end - next) * 2)
    for (let bits = 0; bits < width; bits += 8) target[at++] = id >>> bits
    next = end
    pending = end
  }
  return packIds(target, at, ids, pending, count, width)
}

function packIds(target: Uint8Array, start: number, ids: Int32Array, from: number, to: number, width: number): number {
  if (from === to) return start
  const groups = Math.ceil((to - from) / 8)
  let at = writeVarint(target, start, groups * 2 + 1)
  const end = at + groups * width
  let bits = 0
  let held = 0
  for (let next = from; next < to; next++) {
    bits |= ids[next]! << held
    held += width
    while (held >= 8) {
      target[at++] = bits
      bits >>>= 8
      held -= 8
    }
  }
  if (held > 0) target[at++] = bits
  target.fill(0, at, end)
  return end
}

/** The most bytes that the map of so many rows takes. */
export function mostMapBytes(rows: number): number {
  return Math.ceil(rows / 8) * 2 + LONGEST_HEADER
}

/** Which rows have a value: one bit each, 1 where there is one. */
export function writeMap(target: Uint8Array, start: number, map: Uint8Array, rows: number): number {
  const bytes = Math.ceil(rows / 8)
  let at = start
  let pending = 0
  const pack = (to: number) => {
    if (pending === to) return
    at = writeVarint(target, at, (to - pending) * 2 + 1)
    target.set(map.subarray(pending, to), at)
    at += to - pending
  }
  for (let next = 0; next < bytes; ) {
    const byte = map[next]!
    let end = next + 1
    if (byte === 0 || byte === 255) while (end < bytes && map[end] === byte) end++
    if (end - next >= LEAST_RUN_BYTES) {
      pack(next)
      at = writeRun(target, at, byte & 1, Math.min(end * 8, rows) - next * 8)
      pending = end
    }
    next = end
  }
  pack(bytes)
  return at
}

/** So many rows that all have a value (1) or none (0). */
export function writeRun(target: Uint8Array, start: number, bit: number, rows: number): number {
  const at = writeVarint(target, start, rows * 2)
  target[at] = bit
  return at + 1
}

function writeVarint(target: Uint8Array, start: number, value: number): number {
  let at = start
  let rest = value
  for (; rest > 127; rest >>>= 7) target[at++] = (rest & 127) | 128
  target[at++] = rest
  return at
}
