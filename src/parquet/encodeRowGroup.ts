import {
  Binary,
  Bool,
  type Data,
  DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  Float32,
  Float64,
  type Int,
  Int8,
  Int16,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimestampMicrosecond,
  tableToIPC,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  Vector,
} from 'apache-arrow'
import {
  Compression,
  EnabledStatistics,
  Table as WasmTable,
  type WriterProperties,
  WriterPropertiesBuilder,
  writeParquet,
} from 'parquet-wasm'
import { move } from 'piscina'
import type { ColumnType, SourceColumn } from '../datasources/source.ts'
import type { PackedColumn } from './columnPacker.ts'

export interface EncodeTask {
  columns: SourceColumn[]
  packed: PackedColumn[]
  /** Columns that keep min and max in the footer; for a hundred columns the statistics of all would be most of it. */
  statistics: string[]
  /** Columns whose values hardly repeat: looking for repetitions would only cost time. */
  plain?: string[]
}

/** What a worker thread runs: encodeColumns, whose result is moved out of the thread. */
export default function encodeRowGroup(task: EncodeTask): Uint8Array {
  return move(encodeColumns(task)) as unknown as Uint8Array
}

/** Packed columns in, a whole Parquet file of one row group out (none for 0 rows). */
export function encodeColumns({ columns, packed, statistics, plain = [] }: EncodeTask): Uint8Array {
  const fields = columns.map(({ name, type }, index) => new Field(name, arrowType(type, packed[index]!), true))
  const children = packed.map((column, index) => arrowData(columns[index]!.type, column))
  const schema = new Schema(fields)
  const length = packed[0]?.rows ?? 0
  const batch = new RecordBatch(schema, makeData({ type: new Struct(fields), length, nullCount: 0, children }))
  const table = WasmTable.fromIPCStream(tableToIPC(new Table(schema, [batch]), 'stream'))
  return writeParquet(table, writerProperties(statistics, plain))
}

function arrowType(type: ColumnType, { dictionary }: PackedColumn): DataType {
  switch (type.kind) {
    case 'integer':
      return integerType(type.bits, type.signed)
    case 'float':
      return type.bits === 64 ? new Float64() : new Float32()
    case 'decimal':
      return new Decimal(type.scale, type.precision, 128)
    case 'boolean':
      return new Bool()
    case 'date':
      return new DateDay()
    case 'timestamp':
      return new TimestampMicrosecond(type.utc ? 'UTC' : null)
    case 'text':
      // Plain for an empty dictionary: the schema of a file without rows then reads as text, not as a dictionary of it.
      return dictionary?.length ? new Dictionary(new Utf8(), new Int32()) : new Utf8()
    case 'binary':
      return new Binary()
  }
}

function integerType(bits: 8 | 16 | 32 | 64, signed: boolean): DataType {
  if (bits === 8) return signed ? new Int8() : new Uint8()
  if (bits === 16) return signed ? new Int16() : new Uint16()
  if (bits === 32) return signed ? new Int32() : new Uint32()
  return signed ? new Int64() : new Uint64()
}

function arrowData(columnType: ColumnType, packed: PackedColumn): Data {
  const type = arrowType(columnType, packed)
  const { rows: length, nulls: nullCount, validity, values, compact, dictionary, offsets } = packed
  const common = { length, nullCount, ...(validity && { nullBitmap: validity }) }
  if (DataType.isDictionary(type)) {
    const data = Int32Array.from(wholeNumbers(values, compact))
    return makeData({ type, ...common, data, dictionary: utf8Vector(dictionary ?? []) })
  }
  if (DataType.isUtf8(type) || DataType.isBinary(type)) {
    const valueOffsets = offsets ? viewOf(Int32Array, offsets) : new Int32Array(length + 1)
    return makeData({ type: type as Utf8, ...common, data: offsets ? values : new Uint8Array(0), valueOffsets })
  }
  if (DataType.isBool(type)) return makeData({ type, ...common, data: bitsOf(values) })
  // All others are arrays of fixed-width values, laid out alike.
  const FullWidth = type.ArrayType as typeof Int32Array
  const data = compact ? widened(FullWidth, wholeNumbers(values, compact)) : viewOf(FullWidth, values)
  return makeData({ type: type as Int, ...common, data })
}

type WholeNumbers = Int8Array | Int16Array | Int32Array

function wholeNumbers(bytes: Uint8Array, compact: PackedColumn['compact']): WholeNumbers {
  if (compact === 1) return viewOf(Int8Array, bytes)
  return compact === 2 ? viewOf(Int16Array, bytes) : viewOf(Int32Array, bytes)
}

function widened(FullWidth: typeof Int32Array, numbers: WholeNumbers): Int32Array {
  const isBig = [BigInt64Array, BigUint64Array].includes(FullWidth as unknown as typeof BigInt64Array)
  if (!isBig) return FullWidth.from(numbers)
  // In two halves, the second all sign: making a bigint of each is ten times slower.
  const halves = new Int32Array(numbers.length * 2)
  for (let index = 0; index < numbers.length; index++) {
    halves[index * 2] = numbers[index]!
    halves[index * 2 + 1] = numbers[index]! >> 31
  }
  return new FullWidth(halves.buffer)
}

function utf8Vector(values: readonly string[]): Vector<Utf8> {
  const data = Buffer.from(values.join(''))
  const valueOffsets = new Int32Array(values.length + 1)
  for (const [index, value] of values.entries())
    valueOffsets[index + 1] = valueOffsets[index]! + Buffer.byteLength(value)
  return new Vector([makeData({ type: new Utf8(), length: values.length, nullCount: 0, valueOffsets, data })])
}

function bitsOf(bytes: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(bytes.length / 8))
  for (const [index, byte] of bytes.entries()) bits[index >> 3]! |= byte << (index & 7)
  return bits
}

interface ViewConstructor<T> {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T
  readonly BYTES_PER_ELEMENT: number
}

function viewOf<T>(View: ViewConstructor<T>, bytes: Uint8Array): T {
  return new View(bytes.buffer, bytes.byteOffset, bytes.byteLength / View.BYTES_PER_ELEMENT)
}

const ROWS_WITHOUT_LIMIT = 2 ** 30

function writerProperties(statistics: readonly string[], plain: readonly string[]): WriterProperties {
  let builder = new WriterPropertiesBuilder()
    .setCompression(Compression.SNAPPY)
    .setCreatedBy('millrace')
    .setMaxRowGroupSize(ROWS_WITHOUT_LIMIT)
    .setStatisticsEnabled(EnabledStatistics.None)
  for (const column of statistics) builder = builder.setColumnStatisticsEnabled(column, EnabledStatistics.Chunk)
  for (const column of plain) builder = builder.setColumnDictionaryEnabled(column, false)
  return builder.build()
}
