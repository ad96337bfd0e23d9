import { constants, zstdCompressSync } from 'node:zlib'
import type { ColumnType } from '../datasources/source.ts'
import { chunkStatistics } from './chunkStatistics.ts'
import type { PackedColumn } from './columnPacker.ts'
import { distinctNumbers } from './distinctNumbers.ts'
import { mostIdBytes, mostMapBytes, writeIds, writeMap, writeRun } from './levelsAndIds.ts'
import { int, list, long, PHYSICAL, type Physical, physicalType, struct } from './parquetTypes.ts'
import { plainNumbers, presentNumbers, presentWhole } from './plainValues.ts'
import { type Field, type Struct, TYPE, writeStruct } from './thrift.ts'

export interface ChunkOptions {
  name: string
  type: ColumnType
  /** Notes the least and the largest value in the footer. */
  statistics: boolean
  /** Looks for no repetitions. */
  plain: boolean
  isUncompressed: boolean
  /** Where in the file it will stand. */
  offset: number
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
/** Less is not worth what it costs to begin. */
const LEAST_COMPRESSED_BYTES = 1_024
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** What a chunk's pages hold, before compression. */
interface Body {
  /** Distinct values as Parquet's PLAIN encoding has them, where `values` are ids. */
  dictionary?: { values: Uint8Array; count: number }
  values: Uint8Array
}

/** One column of a row group: a dictionary where values repeat, and one data page; compressed where they are long enough. */
export function encodeChunk(packed: PackedColumn, options: ChunkOptions): EncodedChunk {
  const physical = physicalType(options.type)
  const { dictionary, values } = bodyOf(packed, physical, options)
  const levels = definitionLevels(packed)
  const data = Buffer.concat([levels, values])
  const isLong = data.length + (dictionary?.values.length ?? 0) >= LEAST_COMPRESSED_BYTES
  const isCompressed = isLong && !options.isUncompressed
  const dictionaryPage = dictionary
    ? makePage(dictionary.values, isCompressed, PAGE.DICTIONARY, dictionaryHeader(dictionary.count))
    : undefined
  const dataPage = makePage(data, isCompressed, PAGE.DATA, dataHeader(packed.rows, dictionary !== undefined))
  const pages = dictionaryPage ? [dictionaryPage, dataPage] : [dataPage]
  const length = pages.reduce((sum, page) => sum + page.length, 0)
  const uncompressedLength = pages.reduce((sum, page) => sum + page.uncompressedLength, 0)
  const statistics = options.statistics
    ? chunkStatistics(dictionary?.values ?? values, physical, options.type, packed.nulls)
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
    long(5, packed.rows),
    long(6, uncompressedLength),
    long(7, length),
    long(9, options.offset + (dictionaryPage?.length ?? 0)),
    ...(dictionaryPage ? [long(11, options.offset)] : []),
    ...(statistics ? [struct(12, statistics)] : []),
  ]
  return { parts: pages.flatMap(page => page.parts), length, uncompressedLength, meta }
}

function bodyOf(packed: PackedColumn, physical: Physical, { type, plain }: ChunkOptions): Body {
  if (packed.nulls === packed.rows) return { values: new Uint8Array(0) }
  if (packed.dictionary) {
    const ids = presentWhole(packed)
    return { dictionary: packed.dictionary, values: idsBody(ids, ids.length, packed.dictionary.count) }
  }
  if (physical === PHYSICAL.BYTES) return { values: packed.values }
  const words =
    physical === PHYSICAL.BOOLEAN || physical === PHYSICAL.FIXED || plain
      ? 0
      : packed.compact
        ? 1
        : packed.values.length / packed.rows / 4
  if (words !== 1 && words !== 2) return { values: plainNumbers(presentNumbers(packed), packed.compact, type) }
  const present = packed.compact ? presentWhole(packed) : wordsOf(presentNumbers(packed))
  const distinct = distinctNumbers(present, words)
  const asBytes = (numbers: Int32Array) =>
    plainNumbers(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), packed.compact && 4, type)
  if (!distinct) return { values: asBytes(present) }
  const { values, count, ids } = distinct
  return { dictionary: { values: asBytes(values), count }, values: idsBody(ids, present.length / words, count) }
}

function idsBody(ids: Int32Array, length: number, distinct: number): Uint8Array {
  const width = distinct <= 1 ? 0 : 32 - Math.clz32(distinct - 1)
  const body = new Uint8Array(1 + mostIdBytes(length, width))
  body[0] = width
  return body.subarray(0, writeIds(body, 1, ids, length, width))
}

function wordsOf(values: Uint8Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.byteLength / 4)
}

/** Which rows have a value, after its length in four bytes. */
function definitionLevels({ rows, nulls, validity }: PackedColumn): Uint8Array {
  const body = new Uint8Array(4 + mostMapBytes(rows))
  const isMixed = validity && nulls < rows
  const end = isMixed ? writeMap(body, 4, validity, rows) : writeRun(body, 4, nulls > 0 ? 0 : 1, rows)
  new DataView(body.buffer).setUint32(0, end - 4, true)
  return body.subarray(0, end)
}

function makePage(body: Uint8Array, isCompressed: boolean, type: number, content: Field) {
  const stored = isCompressed ? zstdCompressSync(body, ZSTD) : body
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
