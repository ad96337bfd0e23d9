import { byteStrings, byteStringsOf } from './byteStrings.ts'
import { type ColumnPacker, PACKED_ROWS } from './columnPacker.ts'
import { compactIntegers } from './compactIntegers.ts'
import { MOST_VALUES } from './distinctNumbers.ts'
import { nullMap } from './nullMap.ts'

/** Bytes that dictionaries may still take; columns share one. */
export interface DictionaryRoom {
  bytes: number
}

/** What a word costs beside its characters: the map entry, the string's header, its id. Measured, about. */
const WORD_OVERHEAD_BYTES = 80
/** A dictionary with fewer words than this is kept whatever it holds. */
const SMALL_DICTIONARY = 1_024

/**
 * Text with few distinct values is held as ids into one dictionary. Once more than half of the rows brought a
 * word of their own (amounts kept as text do), or there is no room for more words, as the bytes of each row.
 */
export function textPacker(room: DictionaryRoom): ColumnPacker {
  const words: string[] = []
  const idOfWord = new Map<string, number>()
  const ids = new Int32Array(PACKED_ROWS)
  const nulls = nullMap()
  const own = compactIntegers()
  const plain = byteStrings()
  let isPlain = false
  let seen = 0
  let length = 0

  /** undefined where there is no room for a new word. */
  const idOf = (word: string): number | undefined => {
    const known = idOfWord.get(word)
    if (known !== undefined) return known
    const bytes = word.length * 2 + WORD_OVERHEAD_BYTES
    const isRare = words.length >= SMALL_DICTIONARY && words.length > seen / 2
    if (isRare || words.length === MOST_VALUES || bytes > room.bytes) return undefined
    room.bytes -= bytes
    const id = words.push(word) - 1
    idOfWord.set(word, id)
    return id
  }
  const makePlain = () => {
    for (let row = 0; row < own.length(); row++) if (!nulls.has(row)) plain.addText(words[own.get(row)]!)
    own.take()
    idOfWord.clear()
    words.length = 0
    isPlain = true
  }

  return {
    pack(rows, column) {
      let at = 0
      for (; !isPlain && at < rows.length; at++) {
        const text = rows[at]![column] as string | null
        const id = text === null ? 0 : idOf(text)
        if (id === undefined) {
          own.pushAll(ids, 0, at)
          makePlain()
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
    bytes: () => own.bytes() + nulls.bytes() + plain.bytes(),
    take() {
      const rows = length
      length = 0
      const values = isPlain ? { values: plain.take() } : { ...own.take(), dictionary: byteStringsOf(words) }
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
        else own.addBytes(value)
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
