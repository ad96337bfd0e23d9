import { withRoom } from './growingBuffer.ts'

/** A growing sequence of byte strings, laid out as Arrow lays out text and binary values: all bytes, and where each begins. */
export interface ByteStrings {
  addText(value: string): void
  addBytes(value: Uint8Array): void
  bytes(): number
  take(): { values: Uint8Array; offsets: Uint8Array }
}

/** UTF-8 takes at most this much for each UTF-16 unit of a string. */
const UTF8_BYTES_PER_UNIT = 3

export function byteStrings(): ByteStrings {
  let offsets = new DataView(new ArrayBuffer(0))
  let values = Buffer.alloc(0)
  let length = 0
  let count = 0

  const reserve = (more: number) => {
    if (length + more <= values.length) return
    const view = withRoom(new DataView(values.buffer as ArrayBuffer, 0, values.length), length + more)
    values = Buffer.from(view.buffer)
  }
  const end = () => {
    count++
    offsets = withRoom(offsets, (count + 1) * 4)
    offsets.setInt32(count * 4, length, true)
  }

  return {
    addText(value) {
      reserve(value.length * UTF8_BYTES_PER_UNIT)
      length += values.write(value, length)
      end()
    },
    addBytes(value) {
      reserve(value.length)
      values.set(value, length)
      length += value.length
      end()
    },
    bytes: () => offsets.byteLength + values.length,
    take() {
      const taken = {
        values: Uint8Array.from(values.subarray(0, length)),
        offsets: new Uint8Array(withRoom(offsets, 4).buffer.slice(0, (count + 1) * 4)),
      }
      offsets = new DataView(new ArrayBuffer(0))
      values = Buffer.alloc(0)
      length = 0
      count = 0
      return taken
    },
  }
}
