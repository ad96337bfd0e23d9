import { byteStrings } from './byteStrings.ts'
import { type ColumnPacker, PACKED_ROWS } from './columnPacker.ts'
import { compactIntegers } from './compactIntegers.ts'
import { type DictionaryRoom, distinctWords } from './distinctWords.ts'
import { nullMap } from './nullMap.ts'

/** A dictionary with fewer words than this is kept whatever it holds. */
const SMALL_DICTIONARY = 1_024

/**
 * Text with few distinct values is held as ids into one dictionary. Once more than half of the rows brought a
 * word of their own (amounts kept as text do), or there is no room for more words, as the bytes of each row.
 */
export function textPacker(room: DictionaryRoom): ColumnPacker {
  const words = distinctWords(room)
  const ids = new Int32Array(PACKED_ROWS)
  const nulls = nullMap()
  const own = compactIntegers()
  const plain = byteStrings()
  let isPlain = false
  let seen = 0
  let length = 0

  const mayAdd = () => words.count() < SMALL_DICTIONARY || words.count() <= seen / 2
  /** After the first `staged` of `ids`, which are not yet among its own. */
  const makePlain = (staged: number) => {
    own.pushAll(ids, 0, staged)
    const all = words.all()
    for (let row = 0; row < own.length(); row++) {
      if (nulls.has(row)) continue
      const place = words.place(own.get(row))
      plain.addBytes(all, place.start, place.length)
    }
    own.take()
    words.clear()
    isPlain = true
  }

  return {
    pack(rows, column) {
      let at = 0
      for (; !isPlain && at < rows.length; at++) {
        const text = rows[at]![column] as string | null
        const id = text === null ? 0 : words.idOfText(text, mayAdd())
        if (id < 0) {
          makePlain(at)
          break
        }
        if (text === null) nulls.mark(length)
        ids[at] = id
        length++
        seen++
      }
      if (!isPlain) own.pushAll(ids, 0, at)
      for (; at < rows.length; at++) {
        const text = rows[at]![column] as string | null
        if (text === null) nulls.mark(length)
        else plain.addText(text)
        length++
      }
    },
    packWire({ rows, bytes, starts, lengths, stride }, column) {
      const first = column * stride
      let at = 0
      for (; !isPlain && at < rows; at++) {
        const start = starts[first + at]!
        const id = start < 0 ? 0 : words.idOf(bytes, start, lengths[first + at]!, mayAdd())
        if (id < 0) {
          makePlain(at)
          break
        }
        if (start < 0) nulls.mark(length)
        ids[at] = id
        length++
        seen++
      }
      if (!isPlain) own.pushAll(ids, 0, at)
      for (; at < rows; at++) {
        const start = starts[first + at]!
        if (start < 0) nulls.mark(length)
        else plain.addBytes(bytes, start, lengths[first + at]!)
        length++
      }
    },
    bytes: () => own.bytes() + nulls.bytes() + plain.bytes(),
    take() {
      const rows = length
      length = 0
      const dictionary = { values: Uint8Array.from(words.all()), count: words.count() }
      const values = isPlain ? { values: plain.take() } : { ...own.take(), dictionary }
      return { rows, ...nulls.take(rows), ...values }
    },
    impossible: () => 0,
  }
}

export function binaryPacker(): ColumnPacker {
  const nulls = nullMap()
  const own = byteStrings()
  let length = 0
  return {
    pack(rows, column) {
      for (const row of rows) {
        const value = row[column] as Uint8Array | null
        if (value === null) nulls.mark(length)
        else own.addBytes(value, 0, value.length)
        length++
      }
    },
    packWire({ rows, bytes, starts, lengths, stride }, column) {
      for (let place = column * stride; place < column * stride + rows; place++) {
        const start = starts[place]!
        if (start < 0) nulls.mark(length)
        else own.addBytes(bytes, start, lengths[place]!)
        length++
      }
    },
    bytes: () => own.bytes() + nulls.bytes(),
    take() {
      const rows = length
      length = 0
      return { rows, ...nulls.take(rows), values: own.take() }
    },
    impossible: () => 0,
  }
}
