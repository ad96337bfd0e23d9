import type { ColumnType } from '../datasources/source.ts'
import { chunkStatistics } from './chunkStatistics.ts'
import { type ColumnPart, stringBounds } from './columnPart.ts'
import { distinctNumbers } from './distinctNumbers.ts'
import { mostIdBytes, mostMapBytes, writeIds, writeMap, writeRun } from './levelsAndIds.ts'
import { int, list, long, PHYSICAL, type Physical, physicalType, struct } from './parquetTypes.ts'
import { plainNumbers } from './plainNumbers.ts'
import { type Field, type Struct, TYPE, writeStruct } from './thrift.ts'
import { LEAST_COMPRESSED_BYTES, zstdFrame } from './zstd.ts'

export interface ChunkOptions {
  name: string
  type: ColumnType
  /** Notes the least and the largest value in the footer. */
  statistics: boolean
  /** Looks for no repetitions. */
  plain: boolean
  /** The numbers are whole ones, whatever the type. */
  isWhole: boolean
  /** The numbers are places in this. */
  dictionary?: WordList
  /** Where in the file it will stand. */
  offset: number
}

/** Words, each after its length in four bytes. */
export interface WordList {
  values: Uint8Array
  /** Where each begins, and one more for the end. */
  bounds: Int32Array
}

export function wordList({ values, count }: { values: Uint8Array; count: number }): WordList {
  return { values, bounds: stringBounds(values, count) }
}

export interface EncodedChunk {
  /** Page headers and pages. */
  parts: Uint8Array[]
  length: number
  /** Before compression. */
  uncompressedLength: number
  /** ColumnMetaData of parquet.thrift. */
  meta: Struct
}

const PAGE = { DATA: 0, DICTIONARY: 2 } as const
const ENCODING = { PLAIN: 0, RLE: 3, RLE_DICTIONARY: 8 } as const
const CODEC = { UNCOMPRESSED: 0, ZSTD: 6 } as const

/** What a chunk's pages hold, before compression. */
interface Body {
  /** Distinct values as Parquet's PLAIN encoding has them, where `values` are ids. */
  dictionary?: { values: Uint8Array; count: number }
  values: Uint8Array
}

/** One column of a row group: a dictionary where values repeat, and one data page; compressed where one of them is long enough. */
export function encodeChunk(part: ColumnPart, options: ChunkOptions): EncodedChunk {
  const physical = physicalType(options.type)
  const { dictionary, values } = bodyOf(part, physical, options)
  const levels = definitionLevels(part)
  const data = Buffer.concat([levels, values])
  const isCompressed = Math.max(data.length, dictionary?.values.length ?? 0) >= LEAST_COMPRESSED_BYTES
  const dictionaryPage = dictionary
    ? makePage(dictionary.values, isCompressed, PAGE.DICTIONARY, dictionaryHeader(dictionary.count))
    : undefined
  const dataPage = makePage(data, isCompressed, PAGE.DATA, dataHeader(part.rows, dictionary !== undefined))
  const pages = dictionaryPage ? [dictionaryPage, dataPage] : [dataPage]
  const length = pages.reduce((sum, page) => sum + page.length, 0)
  const uncompressedLength = pages.reduce((sum, page) => sum + page.uncompressedLength, 0)
  const statistics = options.statistics
    ? chunkStatistics(dictionary?.values ?? values, physical, options.type, part.nulls)
    : undefined
  const meta: Struct = [
    int(1, physical),
    list(
      2,
      TYPE.I32,
      dictionary ? [ENCODING.PLAIN, ENCODING.RLE, ENCODING.RLE_DICTIONARY] : [ENCODING.PLAIN, ENCODING.RLE],
    ),
    list(3, TYPE.BINARY, [Buffer.from(options.name)]),
    int(4, isCompressed ? CODEC.ZSTD : CODEC.UNCOMPRESSED),
    long(5, part.rows),
    long(6, uncompressedLength),
    long(7, length),
    long(9, options.offset + (dictionaryPage?.length ?? 0)),
    ...(dictionaryPage ? [long(11, options.offset)] : []),
    ...(statistics ? [struct(12, statistics)] : []),
  ]
  return { parts: pages.flatMap(page => page.parts), length, uncompressedLength, meta }
}

function bodyOf({ rows, nulls, values }: ColumnPart, physical: Physical, options: ChunkOptions): Body {
  if (nulls === rows) return { values: new Uint8Array(0) }
  if ('strings' in values) return { values: values.strings }
  const { numbers, words } = values
  const { type, isWhole, dictionary, plain } = options
  const isNumber = (words === 1 || words === 2) && physical !== PHYSICAL.BOOLEAN
  const most = dictionary ? Number.POSITIVE_INFINITY : numbers.length / words / 2
  const distinct = isNumber && !plain ? distinctNumbers(numbers, words, most) : undefined
  if (!distinct) return { values: plainNumbers(numbers, isWhole, type) }
  const { values: found, count, ids } = distinct
  const plainValues = dictionary ? wordsAt(found, dictionary) : plainNumbers(found, isWhole, type)
  return { dictionary: { values: plainValues, count }, values: idsBody(ids, numbers.length / words, count) }
}

function wordsAt(places: Int32Array, { values, bounds }: WordList): Uint8Array {
  return Buffer.concat(Array.from(places, place => values.subarray(bounds[place], bounds[place + 1])))
}

/** Used again for each page, like those of columnPart.ts. */
let scratch = new Uint8Array(0)

function idsBody(ids: Int32Array, length: number, distinct: number): Uint8Array {
  const width = distinct <= 1 ? 0 : 32 - Math.clz32(distinct - 1)
  const most = 1 + mostIdBytes(length, width)
  if (scratch.length < most) scratch = new Uint8Array(most * 2)
  scratch[0] = width
  return scratch.subarray(0, writeIds(scratch, 1, ids, length, width))
}

/** Which rows have a value, after its length in four bytes. */
function definitionLevels({ rows, nulls, hasValue }: ColumnPart): Uint8Array {
  const body = new Uint8Array(4 + mostMapBytes(rows))
  const isMixed = hasValue && nulls > 0 && nulls < rows
  const end = isMixed ? writeMap(body, 4, hasValue, rows) : writeRun(body, 4, nulls > 0 ? 0 : 1, rows)
  new DataView(body.buffer).setUint32(0, end - 4, true)
  return body.subarray(0, end)
}

function makePage(body: Uint8Array, isCompressed: boolean, type: number, content: Field) {
  // A copy: the body may be in an array that is used again.
  const stored = isCompressed ? zstdFrame(body) : Uint8Array.from(body)
  const header = writeStruct([int(1, type), int(2, body.length), int(3, stored.length), content])
  return {
    parts: [header, stored],
    length: header.length + stored.length,
    uncompressedLength: header.length + body.length,
  }
}

function dataHeader(rows: number, hasDictionary: boolean): Field {
  const encoding = hasDictionary ? ENCODING.RLE_DICTIONARY : ENCODING.PLAIN
  return struct(5, [int(1, rows), int(2, encoding), int(3, ENCODING.RLE), int(4, ENCODING.RLE)])
}

function dictionaryHeader(count: number): Field {
  return struct(7, [int(1, count), int(2, ENCODING.PLAIN)])
}
