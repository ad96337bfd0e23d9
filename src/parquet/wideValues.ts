import { SEGMENT_LENGTH } from './compactIntegers.ts'
import { free } from './free.ts'

/** A growing array of values of one width, written through a DataView. */
export interface WideValues {
  /** Where to write the next value; zeros stay where nothing is written. */
  next(): { view: DataView; at: number }
  bytes(): number
  /** All of them, and an empty array again. */
  take(): Uint8Array
}

const FIRST_LENGTH = 64

/** @param width Bytes of a value. In segments for the same reason as compactIntegers. */
export function wideValues(width: number): WideValues {
  let segments: DataView<ArrayBuffer>[] = []
  let used = 0
  let bytes = 0
  const place = { view: new DataView(new ArrayBuffer(0)), at: 0 }

  const makeRoom = () => {
    const last = segments.at(-1)
    const isFull = !last || last.byteLength === SEGMENT_LENGTH * width
    const length =
      segments.length > 0 && isFull ? SEGMENT_LENGTH : Math.max(FIRST_LENGTH, ((last?.byteLength ?? 0) / width) * 2)
    const segment = new DataView(new ArrayBuffer(length * width))
    if (isFull) segments.push(segment)
    else {
      new Uint8Array(segment.buffer).set(new Uint8Array(last.buffer))
      bytes -= last.byteLength
      free([last])
      segments[segments.length - 1] = segment
    }
    place.view = segment
    bytes += segment.byteLength
  }

  const next = () => {
    const at = (used % SEGMENT_LENGTH) * width
    if (at === 0 ? used === segments.length * SEGMENT_LENGTH : at === place.view.byteLength) makeRoom()
    used++
    place.at = at
    return place
  }

  return {
    next,
    bytes: () => bytes,
    take() {
      const all = new Uint8Array(used * width)
      for (const [index, segment] of segments.entries()) {
        const start = index * SEGMENT_LENGTH * width
        all.set(new Uint8Array(segment.buffer).subarray(0, all.length - start), start)
      }
      free(segments)
      segments = []
      used = 0
      bytes = 0
      place.view = new DataView(new ArrayBuffer(0))
      return all
    },
  }
}
