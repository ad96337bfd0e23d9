import { byteStrings, byteStringsOf } from './byteStrings.ts'
import { type ColumnBuffer, type ColumnPacker, type PackedColumn, STAGE_ROWS } from './columnPacker.ts'
import { compactIntegers } from './compactIntegers.ts'
import { nullMap } from './nullMap.ts'

/** Bytes that dictionaries may still take; columns share one. */
export interface DictionaryRoom {
  bytes: number
}

/** What a word costs beside its characters: the map entry, the string's header, its id. Measured, about. */
const WORD_OVERHEAD_BYTES = 80
/** A dictionary with fewer words than this is kept whatever it holds. */
const SMALL_DICTIONARY = 64
/** So that sorting out the words of one key, at the end of its buffer, stays cheap. */
const MOST_WORDS = 32_768

/**
 * Text with few distinct values is held as ids into one dictionary for all keys. Once more than half of the rows brought a
 * word of their own (amounts kept as text do), or there is no room for more words, as the bytes of each row.
 */
export function textPacker(room: DictionaryRoom): ColumnPacker {
  const words: string[] = []
  let idOfWord = new Map<string, number>()
  let seen = 0
  let isPlain = false
  /** 0 for NULL, else the word's place in `words` and one. Not kept once the column is plain. */
  const ids = new Int32Array(STAGE_ROWS)
  const texts: (string | null)[] = []
  let textUnits = 0
  let staged = 0

  /** undefined where there is no room for a new word. */
  const idOf = (word: string): number | undefined => {
    const known = idOfWord.get(word)
    if (known !== undefined) return known
    const bytes = word.length * 2 + WORD_OVERHEAD_BYTES
    const isRare = words.length >= SMALL_DICTIONARY && words.length > (seen + staged) / 2
    if (isRare || words.length === MOST_WORDS || bytes > room.bytes) return undefined
    room.bytes -= bytes
    const id = words.push(word)
    idOfWord.set(word, id)
    return id
  }
  const stageText = (text: string | null) => {
    texts.push(text)
    textUnits += text?.length ?? 0
  }
  const makePlain = () => {
    idOfWord = new Map()
    isPlain = true
    for (let row = 0; row < staged; row++) stageText(words[ids[row]! - 1] ?? null)
  }

  function buffer(): ColumnBuffer {
    const nulls = nullMap()
    const own = compactIntegers()
    const plain = byteStrings()
    let ownIsPlain = false
    let rows = 0
    const makeOwnPlain = () => {
      ownIsPlain = true
      for (let row = 0; row < rows; row++) {
        const id = own.get(row)
        if (id > 0) plain.addText(words[id - 1]!)
      }
      own.take()
    }
    return {
      append(order, from, to) {
        if (isPlain) {
          if (!ownIsPlain) makeOwnPlain()
          for (let next = from; next < to; next++) {
            const text = texts[order[next]!]!
            if (text === null) nulls.mark(rows + next - from)
            else plain.addText(text)
          }
        } else {
          for (let next = from; next < to; next++) if (ids[order[next]!] === 0) nulls.mark(rows + next - from)
          own.pushAll(ids, order, from, to)
        }
        rows += to - from
      },
      bytes: () => own.bytes() + nulls.bytes() + plain.bytes(),
      take: () => ({
        rows,
        ...nulls.take(rows),
        ...(ownIsPlain ? { values: plain.take() } : withOwnWords(own.take(), words)),
      }),
    }
  }

  return {
    stage(rows, column) {
      for (const row of rows) {
        const text = row[column] as string | null
        if (!isPlain) {
          const id = text === null ? 0 : idOf(text)
          if (id === undefined) makePlain()
          else ids[staged] = id
        }
        if (isPlain) stageText(text)
        staged++
      }
    },
    stagedBytes: () => textUnits,
    clear() {
      seen += staged
      staged = 0
      texts.length = 0
      textUnits = 0
    },
    impossible: () => 0,
    buffer,
  }
}

/** A dictionary of only the words that these ids mean, from 0 on; 0 stands for NULL too. */
function withOwnWords({ values, compact }: { values: Uint8Array; compact: 1 | 2 | 4 }, words: readonly string[]) {
  const Ids = compact === 1 ? Int8Array : compact === 2 ? Int16Array : Int32Array
  const ids = new Ids(values.buffer as ArrayBuffer)
  const ownIds = new Int32Array(words.length + 1)
  const dictionary: string[] = []
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row]!
    if (id === 0) continue
    if (ownIds[id] === 0) ownIds[id] = dictionary.push(words[id - 1]!)
    ids[row] = ownIds[id]! - 1
  }
  return { values, compact, dictionary: byteStringsOf(dictionary) } satisfies Partial<PackedColumn>
}

export function binaryPacker(): ColumnPacker {
  const values: (Uint8Array | null)[] = []
  let bytes = 0
  return {
    stage(rows, column) {
      for (const row of rows) {
        const value = row[column] as Uint8Array | null
        values.push(value)
        bytes += value?.length ?? 0
      }
    },
    stagedBytes: () => bytes,
    clear() {
      values.length = 0
      bytes = 0
    },
    impossible: () => 0,
    buffer() {
      const nulls = nullMap()
      const own = byteStrings()
      let rows = 0
      return {
        append(order, from, to) {
          for (let next = from; next < to; next++) {
            const value = values[order[next]!]!
            if (value === null) nulls.mark(rows)
            else own.addBytes(value)
            rows++
          }
        },
        bytes: () => own.bytes() + nulls.bytes(),
        take: () => ({ rows, ...nulls.take(rows), values: own.take() }),
      }
    },
  }
}
