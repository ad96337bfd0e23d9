import type { MessagePort } from 'node:worker_threads'
import type { SourceColumn } from '../datasources/source.ts'
import type { PackedColumn } from './columnPacker.ts'
import { partsOf } from './columnPart.ts'
import { type ChunkOptions, encodeChunk, wordList } from './encodeChunk.ts'
import { MAGIC, sealFooter } from './footer.ts'
import { free } from './free.ts'
import { type KeyRange, orderByKey } from './orderByKey.ts'
import { bytes, int, list, long, schemaElements, struct } from './parquetTypes.ts'
import { type Struct, TYPE, writeStruct } from './thrift.ts'

export interface EncodeTask {
  columns: SourceColumn[]
  packed: PackedColumn[]
  /** Columns that keep min and max in the footer; for a hundred columns the statistics of all would be most of it. */
  statistics: string[]
  /** Columns whose values hardly repeat: looking for repetitions would only cost time. */
  plain?: string[]
}

export interface EncodeGroupsTask extends EncodeTask {
  /** A key for each row; NaN for none. */
  keys: Float64Array
  /** In one row group at most. */
  mostRows: number
}

/** A row group that is in no file yet. */
export interface EncodedGroup {
  key: number | null
  rows: number
  /** RowGroup of parquet.thrift, as of a file that has nothing before its chunks but the magic. */
  meta: Uint8Array
  /** The chunks of all columns, one after the other. */
  body: Uint8Array
  /** Bytes of each. */
  chunkLengths: number[]
}

/**
 * What a worker thread runs: the rows of each key become row groups of their own, in the order in which they came. They are given to the port one by
 * one, ascending by key, those without one last; then null.
 */
export default function encodeGroups({
  keys,
  mostRows,
  port,
  ...task
}: EncodeGroupsTask & { port: MessagePort }): void {
  const { order, ranges } = orderByKey(keys, mostRows)
  const encode = rangeEncoder(task)
  for (const range of ranges) {
    const { meta, parts, chunkLengths } = encode(order, range)
    const body = joined(parts)
    const group: EncodedGroup = {
      key: range.key,
      rows: range.to - range.from,
      meta: writeStruct(meta),
      body,
      chunkLengths,
    }
    port.postMessage(group, [body.buffer])
  }
  port.postMessage(null)
  // They were moved here.
  for (const { values, isNull, dictionary } of task.packed)
    free([values, isNull, dictionary?.values].flatMap(part => part ?? []))
}

/** Packed columns in, a whole Parquet file of one row group out (none for 0 rows). */
export function encodeColumns(task: EncodeTask): Uint8Array {
  const rows = task.packed[0]?.rows ?? 0
  if (rows === 0) return joined([MAGIC, sealFooter(footer(task.columns, 0, []))])
  const order = Int32Array.from({ length: rows }, (_, row) => row)
  const { meta, parts } = rangeEncoder(task)(order, { from: 0, to: rows })
  return joined([MAGIC, ...parts, sealFooter(footer(task.columns, rows, [meta]))])
}

type EncodeRange = (
  order: Int32Array,
  range: Pick<KeyRange, 'from' | 'to'>,
) => { meta: Struct; parts: Uint8Array[]; chunkLengths: number[] }

function rangeEncoder({ columns, packed, statistics, plain = [] }: EncodeTask): EncodeRange {
  const chunks = columns.map(({ name, type }, index) => {
    const { compact, dictionary } = packed[index]!
    const options: Omit<ChunkOptions, 'offset'> = {
      name,
      type,
      statistics: statistics.includes(name),
      plain: plain.includes(name),
      isWhole: compact !== undefined,
      ...(dictionary && { dictionary: wordList(dictionary) }),
    }
    return { options, take: partsOf(packed[index]!, type) }
  })
  return (order, { from, to }) => {
    const parts: Uint8Array[] = []
    const metas: Struct[] = []
    const chunkLengths: number[] = []
    let [end, uncompressed] = [MAGIC.length, 0]
    for (const { options, take } of chunks) {
      const chunk = encodeChunk(take(order, from, to), { ...options, offset: end })
      parts.push(...chunk.parts)
      metas.push(chunk.meta)
      chunkLengths.push(chunk.length)
      end += chunk.length
      uncompressed += chunk.uncompressedLength
    }
    return { meta: rowGroup(metas, to - from, end - MAGIC.length, uncompressed), parts, chunkLengths }
  }
}

/** RowGroup of parquet.thrift. */
function rowGroup(metas: readonly Struct[], rows: number, length: number, uncompressedLength: number): Struct {
  const chunks = metas.map(meta => [long(2, 0), struct(3, meta)])
  return [
    list(1, TYPE.STRUCT, chunks),
    long(2, uncompressedLength),
    long(3, rows),
    long(5, MAGIC.length),
    long(6, length),
    { id: 7, type: TYPE.I16, value: 0 },
  ]
}

/** FileMetaData of parquet.thrift. */
function footer(columns: readonly SourceColumn[], rows: number, groups: Struct[]): Struct {
  // Values of each column are in the order of its type.
  const typeDefined: Struct = [struct(1, [])]
  return [
    int(1, 1),
    list(2, TYPE.STRUCT, schemaElements(columns)),
    long(3, rows),
    list(4, TYPE.STRUCT, groups),
    bytes(6, 'millrace'),
    list(
      7,
      TYPE.STRUCT,
      columns.map(() => typeDefined),
    ),
  ]
}

/** In a buffer of its own, as Buffer.concat() does not promise. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
