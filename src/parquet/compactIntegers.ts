import { free } from './free.ts'

/** A growing array of whole numbers of up to 32 bits, in as few bytes each as the largest near it needs. */
export interface CompactIntegers {
  /**
   * Appends values[from] to values[to - 1]. Returns `to`; or, where a value is no whole number of 32 bits (-0 is none
   * either), its place: what stands before it has been appended.
   */
  pushAll(values: Float64Array | Int32Array, from: number, to: number): number
  get(at: number): number
  length(): number
  bytes(): number
  /** All of them in the width of the widest, and an empty array again. */
  take(): { values: Uint8Array; compact: 1 | 2 | 4 }
}

type Segment = Int8Array | Int16Array | Int32Array

/**
 * Held in segments, so that growing neither copies what is there nor leaves large garbage: a hundred columns
 * each hold one of these. A power of two.
 */
export const SEGMENT_LENGTH = 4_096
const SEGMENT_SHIFT = 12
const FIRST_LENGTH = 64

export function compactIntegers(): CompactIntegers {
  let segments: Segment[] = []
  let last: Segment = new Int8Array(0)
  let used = 0
  let bytes = 0

  /** Room for one more in `last`: the first segment grows, the others are whole from the start. */
  const makeRoom = () => {
    const isFull = last.length === SEGMENT_LENGTH
    const wanted = isFull || segments.length > 1 ? SEGMENT_LENGTH : Math.max(FIRST_LENGTH, last.length * 2)
    const segment = new (last.constructor as Int8ArrayConstructor)(wanted)
    if (isFull || segments.length === 0) segments.push(segment)
    else {
      segment.set(last)
      bytes -= last.byteLength
      free([last])
      segments[segments.length - 1] = segment
    }
    last = segment
    bytes += segment.byteLength
  }

  const widen = (value: number) => {
    const isShort = value >= -32_768 && value <= 32_767
    const wider = isShort ? Int16Array.from(last) : Int32Array.from(last)
    bytes += wider.byteLength - last.byteLength
    segments[segments.length - 1] = wider
    free([last])
    last = wider
  }

  function pushAll(values: Float64Array | Int32Array, from: number, to: number): number {
    for (let next = from; next < to; ) {
      const at = used & (SEGMENT_LENGTH - 1)
      if (at === 0 ? used >> SEGMENT_SHIFT === segments.length : at === last.length) makeRoom()
      const stop = Math.min(to, next + last.length - at)
      const target = last
      const start = next - at
      let tooWide: number | undefined
      for (; next < stop; next++) {
        const value = values[next]!
        const whole = value | 0
        if (whole !== value || (whole === 0 && Object.is(value, -0))) {
          used += next - start - at
          return next
        }
        target[next - start] = whole
        if (target[next - start] !== whole) {
          tooWide = whole
          break
        }
      }
      used += next - start - at
      if (tooWide !== undefined) widen(tooWide)
    }
    return to
  }

  return {
    pushAll,
    get: at => segments[at >> SEGMENT_SHIFT]![at & (SEGMENT_LENGTH - 1)]!,
    length: () => used,
    bytes: () => bytes,
    take() {
      const width = Math.max(1, ...segments.map(segment => segment.BYTES_PER_ELEMENT)) as 1 | 2 | 4
      const all = new (width === 1 ? Int8Array : width === 2 ? Int16Array : Int32Array)(used)
      for (const [index, segment] of segments.entries()) {
        const start = index * SEGMENT_LENGTH
        all.set(segment.subarray(0, used - start), start)
      }
      free(segments)
      segments = []
      last = new Int8Array(0)
      used = 0
      bytes = 0
      return { values: new Uint8Array(all.buffer), compact: width }
    },
  }
}
