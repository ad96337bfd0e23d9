import { type ErrorDetails, MillraceError } from '../errors.ts'
import { isList, type List, readStruct, type Struct, ThriftError, TYPE, type Value, writeStruct } from './thrift.ts'

/**
 * A Parquet footer (FileMetaData in parquet.thrift) and the few of its fields that Millrace reads or changes; all others
 * are carried along as they are.
 */
export type FileMetaData = Struct

const FILE = { SCHEMA: 2, ROWS: 3, ROW_GROUPS: 4, KEY_VALUES: 5, COLUMN_ORDERS: 7 } as const
const GROUP = { COLUMNS: 1, ROWS: 3, FILE_OFFSET: 5, ORDINAL: 7 } as const
const CHUNK = { FILE_PATH: 1, FILE_OFFSET: 2, META: 3, FIRST_PAGE_INDEX: 4, LAST_PAGE_INDEX: 7 } as const
const META = {
  PATH: 3,
  COMPRESSED_BYTES: 7,
  DATA_PAGE: 9,
  INDEX_PAGE: 10,
  DICTIONARY_PAGE: 11,
  STATISTICS: 12,
  ENCODING_STATISTICS: 13,
  BLOOM_OFFSET: 14,
  BLOOM_LENGTH: 15,
  SIZE_STATISTICS: 16,
} as const
const STATISTICS = { MAX: 5, MIN: 6 } as const
const ALL_STATISTICS: readonly number[] = [META.STATISTICS, META.ENCODING_STATISTICS, META.SIZE_STATISTICS]
const PAGE_OFFSETS: readonly number[] = [META.DATA_PAGE, META.INDEX_PAGE, META.DICTIONARY_PAGE]

/** The four bytes that a Parquet file begins and ends with. */
export const MAGIC = new Uint8Array([0x50, 0x41, 0x52, 0x31])
/** Footer length and magic, after the footer. */
export const TRAILER_BYTES = 8

/** The bytes are there, but they are no whole Parquet file; what a storage cannot give is another DATA_LOST. */
export class BrokenParquetError extends MillraceError {
  /** Half a sentence. */
  readonly problem: string

  constructor(problem: string, details?: ErrorDetails) {
    super('DATA_LOST', `Not a whole Parquet file: ${problem}.`, details)
    this.problem = problem
  }
}

const text = new TextDecoder()
const utf8 = new TextEncoder()

/** Bytes of the footer that the last 8 bytes of a file announce, without those 8; DATA_LOST where they are no Parquet. */
export function footerLength(tail: Uint8Array): number {
  const trailer = tail.subarray(-TRAILER_BYTES)
  if (trailer.length < TRAILER_BYTES || MAGIC.some((byte, index) => trailer[4 + index] !== byte)) {
    throw broken('expected PAR1 at its end')
  }
  return new DataView(trailer.buffer, trailer.byteOffset).getUint32(0, true)
}

/** The footer of a file whose last bytes are `tail`; DATA_LOST where it does not parse or is not wholly there. */
export function parseFooter(tail: Uint8Array): FileMetaData {
  const length = footerLength(tail)
  if (length + TRAILER_BYTES > tail.length)
    throw broken(`expected a footer of ${length} bytes, found ${tail.length - TRAILER_BYTES}`)
  // A copy: what is read are views of it, and they would keep all of the file that `tail` may be.
  const own = new Uint8Array(tail.subarray(tail.length - TRAILER_BYTES - length, tail.length - TRAILER_BYTES))
  return parsed(own, FILE.ROW_GROUPS)
}

function parsed(bytes: Uint8Array, unread?: number): Struct {
  try {
    return readStruct(bytes, unread)
  } catch (error) {
    if (error instanceof ThriftError) throw broken(error.message)
    throw error
  }
}

/** The bytes that end a file: footer, its length, magic. */
export function sealFooter(footer: FileMetaData): Uint8Array {
  const body = writeStruct(footer)
  const sealed = new Uint8Array(body.length + TRAILER_BYTES)
  sealed.set(body)
  new DataView(sealed.buffer).setUint32(body.length, body.length, true)
  sealed.set(MAGIC, body.length + 4)
  return sealed
}

export function rowCount(structOfRows: FileMetaData): number {
  return number(get(structOfRows, FILE.ROWS), 'num_rows')
}

/** Parsed here, each time: all of them, or `count` from `first` on. */
export function rowGroups(footer: FileMetaData, first = 0, count = Number.POSITIVE_INFINITY): Struct[] {
  return list(get(footer, FILE.ROW_GROUPS), 'row_groups')
    .values.slice(first, first + count)
    .map(group => struct(group instanceof Uint8Array ? parsed(group) : group, 'row_groups'))
}

export function groupCount(footer: FileMetaData): number {
  return list(get(footer, FILE.ROW_GROUPS), 'row_groups').values.length
}

/** A row group's own bytes, which withContent() takes too; parseGroup() reads them. */
export function groupBytes(group: Struct): Uint8Array {
  return writeStruct(group)
}

export function parseGroup(bytes: Uint8Array): Struct {
  return parsed(bytes)
}

export function groupRows(group: Struct): number {
  return number(get(group, GROUP.ROWS), 'num_rows of a row group')
}

export interface ColumnChunk {
  /** The column's path in the schema, joined by dots. */
  column: string
  /** Where its pages lie in the file. */
  offset: number
  length: number
}

export function columnChunks(group: Struct): ColumnChunk[] {
  return structs(get(group, GROUP.COLUMNS), 'columns').map(chunk => {
    if (get(chunk, CHUNK.FILE_PATH) !== undefined)
      throw broken('expected its columns in the file itself, found another file')
    const meta = struct(get(chunk, CHUNK.META), 'meta_data')
    const path = get(meta, META.PATH)
    if (!isList(path)) throw broken('expected a path_in_schema')
    const starts = PAGE_OFFSETS.map(id => get(meta, id)).filter(start => typeof start === 'number' && start > 0)
    if (starts.length === 0) throw broken('expected a data_page_offset')
    return {
      column: path.values.map(part => (part instanceof Uint8Array ? text.decode(part) : '')).join('.'),
      offset: Math.min(...(starts as number[])),
      length: number(get(meta, META.COMPRESSED_BYTES), 'total_compressed_size'),
    }
  })
}

/** Where all chunks of a row group lie. */
export function groupExtent(group: Struct): { offset: number; length: number } {
  const chunks = columnChunks(group)
  const offset = Math.min(...chunks.map(chunk => chunk.offset))
  return { offset, length: Math.max(...chunks.map(chunk => chunk.offset + chunk.length)) - offset }
}

/** The smallest and the largest text of a column in a row group; undefined where its writer did not note them. */
export function textBounds(group: Struct, column: string): { min: string; max: string } | undefined {
  const index = columnChunks(group).findIndex(chunk => chunk.column === column)
  const chunk = structs(get(group, GROUP.COLUMNS), 'columns')[index]
  const statistics = chunk && get(struct(get(chunk, CHUNK.META), 'meta_data'), META.STATISTICS)
  if (!Array.isArray(statistics)) return undefined
  const [min, max] = [STATISTICS.MIN, STATISTICS.MAX].map(id => get(statistics as Struct, id))
  return min instanceof Uint8Array && max instanceof Uint8Array
    ? { min: text.decode(min), max: text.decode(max) }
    : undefined
}

/** The row group with all its chunks moved by the same distance: see moveRowGroup. */
export function shiftRowGroup(group: Struct, by: number, ordinal: number): Struct {
  return moveRowGroup(
    group,
    columnChunks(group).map(({ offset }) => offset + by),
    ordinal,
  )
}

/**
 * The row group with its column chunks elsewhere: `offsets` gives each chunk's new place, in the order of columnChunks.
 * Page indexes and bloom filters lie outside the chunks and are not carried along, so their references go.
 */
export function moveRowGroup(group: Struct, offsets: readonly number[], ordinal: number): Struct {
  const places = columnChunks(group)
  const chunks = structs(get(group, GROUP.COLUMNS), 'columns').map((chunk, index) => {
    const by = offsets[index]! - places[index]!.offset
    return chunk
      .filter(({ id }) => id < CHUNK.FIRST_PAGE_INDEX || id > CHUNK.LAST_PAGE_INDEX)
      .map(field => {
        if (field.id === CHUNK.META) return { ...field, value: moveMeta(field.value as Struct, by) }
        // Deprecated, and 0 in current writers.
        return field.id === CHUNK.FILE_OFFSET ? { ...field, value: 0 } : field
      })
  })
  let moved = set(group, GROUP.COLUMNS, TYPE.LIST, { elementType: TYPE.STRUCT, values: chunks })
  moved = set(moved, GROUP.FILE_OFFSET, TYPE.I64, Math.min(...offsets))
  return set(moved, GROUP.ORDINAL, TYPE.I16, ordinal)
}

function moveMeta(meta: Struct, by: number): Struct {
  return meta
    .filter(({ id }) => id !== META.BLOOM_OFFSET && id !== META.BLOOM_LENGTH)
    .map(field =>
      PAGE_OFFSETS.includes(field.id) && typeof field.value === 'number' && field.value > 0
        ? { ...field, value: field.value + by }
        : field,
    )
}

/** The row group with statistics of these columns only: of a hundred columns they are most of a footer. */
export function keepStatistics(group: Struct, columns: readonly string[]): Struct {
  const names = columnChunks(group).map(({ column }) => column)
  const chunks = structs(get(group, GROUP.COLUMNS), 'columns').map((chunk, index) => {
    if (columns.includes(names[index]!)) return chunk
    const meta = struct(get(chunk, CHUNK.META), 'meta_data').filter(({ id }) => !ALL_STATISTICS.includes(id))
    return set(chunk, CHUNK.META, TYPE.STRUCT, meta)
  })
  return set(group, GROUP.COLUMNS, TYPE.LIST, { elementType: TYPE.STRUCT, values: chunks })
}

/**
 * The same footer over other row groups and other key-value metadata.
 * @param groups Each as it is or as groupBytes() gave it; `rows` in all, which is counted where all are as they are.
 */
export function withContent(
  footer: FileMetaData,
  groups: readonly Struct[],
  keyValues: ReadonlyMap<string, string>,
): FileMetaData
export function withContent(
  footer: FileMetaData,
  groups: readonly Uint8Array[],
  keyValues: ReadonlyMap<string, string>,
  rows: number,
): FileMetaData
export function withContent(
  footer: FileMetaData,
  groups: readonly (Struct | Uint8Array)[],
  keyValues: ReadonlyMap<string, string>,
  rows = (groups as readonly Struct[]).reduce((sum, group) => sum + groupRows(group), 0),
): FileMetaData {
  const pairs = [...keyValues].map(
    ([key, value]): Struct => [
      { id: 1, type: TYPE.BINARY, value: utf8.encode(key) },
      { id: 2, type: TYPE.BINARY, value: utf8.encode(value) },
    ],
  )
  let result = set(footer, FILE.ROWS, TYPE.I64, rows)
  result = set(result, FILE.ROW_GROUPS, TYPE.LIST, { elementType: TYPE.STRUCT, values: groups })
  return set(result, FILE.KEY_VALUES, TYPE.LIST, { elementType: TYPE.STRUCT, values: pairs })
}

export function keyValues(footer: FileMetaData): Map<string, string> {
  const pairs = get(footer, FILE.KEY_VALUES)
  const result = new Map<string, string>()
  if (pairs === undefined) return result
  for (const pair of structs(pairs, 'key_value_metadata')) {
    const [key, value] = [get(pair, 1), get(pair, 2)]
    if (key instanceof Uint8Array) result.set(text.decode(key), value instanceof Uint8Array ? text.decode(value) : '')
  }
  return result
}

/** Schema and column orders as bytes: two files whose bytes are equal can have each other's row groups. */
export function schemaBytes(footer: FileMetaData): Uint8Array {
  return writeStruct(footer.filter(({ id }) => id === FILE.SCHEMA || id === FILE.COLUMN_ORDERS))
}

function get(fields: Struct, id: number): Value | undefined {
  return fields.find(field => field.id === id)?.value
}

function set(fields: Struct, id: number, type: number, value: Value): Struct {
  const others = fields.filter(field => field.id !== id)
  const place = others.findIndex(field => field.id > id)
  return others.toSpliced(place < 0 ? others.length : place, 0, { id, type, value })
}

function number(value: Value | undefined, name: string): number {
  if (typeof value !== 'number' || value < 0) throw broken(`expected a count in ${name}, found ${typeof value}`)
  return value
}

function struct(value: Value | undefined, name: string): Struct {
  if (!Array.isArray(value)) throw broken(`expected a struct in ${name}`)
  return value as Struct
}

function list(value: Value | undefined, name: string): List {
  if (!isList(value)) throw broken(`expected a list in ${name}`)
  return value
}

function structs(value: Value | undefined, name: string): Struct[] {
  return list(value, name).values.map(item => struct(item, name))
}

function broken(what: string): BrokenParquetError {
  return new BrokenParquetError(what)
}
