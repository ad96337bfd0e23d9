import { move } from 'piscina'
import type { SourceColumn } from '../datasources/source.ts'
import type { PackedColumn } from './columnPacker.ts'
import { encodeChunk } from './encodeChunk.ts'
import { MAGIC, sealFooter } from './footer.ts'
import { bytes, int, list, long, schemaElements, struct } from './parquetTypes.ts'
import { type Struct, TYPE } from './thrift.ts'

export interface EncodeTask {
  columns: SourceColumn[]
  packed: PackedColumn[]
  /** Columns that keep min and max in the footer; for a hundred columns the statistics of all would be most of it. */
  statistics: string[]
  /** Columns whose values hardly repeat: looking for repetitions would only cost time. */
  plain?: string[]
  /** For readers that know no Zstandard, as hyparquet. */
  isUncompressed?: boolean
}

/** What a worker thread runs: encodeColumns, whose result is moved out of the thread. */
export default function encodeRowGroup(task: EncodeTask): Uint8Array {
  return move(encodeColumns(task)) as unknown as Uint8Array
}

/** Packed columns in, a whole Parquet file of one row group out (none for 0 rows). */
export function encodeColumns({
  columns,
  packed,
  statistics,
  plain = [],
  isUncompressed = false,
}: EncodeTask): Uint8Array {
  const rows = packed[0]?.rows ?? 0
  const parts: Uint8Array[] = [MAGIC]
  const metas: Struct[] = []
  let [end, uncompressed] = [MAGIC.length, 0]
  for (const [index, { name, type }] of rows > 0 ? columns.entries() : []) {
    const chunk = encodeChunk(packed[index]!, {
      name,
      type,
      statistics: statistics.includes(name),
      plain: plain.includes(name),
      isUncompressed,
      offset: end,
    })
    parts.push(...chunk.parts)
    metas.push(chunk.meta)
    end += chunk.length
    uncompressed += chunk.uncompressedLength
  }
  const group: Struct = [
    list(
      1,
      TYPE.STRUCT,
      metas.map(meta => [long(2, 0), struct(3, meta)]),
    ),
    long(2, uncompressed),
    long(3, rows),
    long(5, MAGIC.length),
    long(6, end - MAGIC.length),
    { id: 7, type: TYPE.I16, value: 0 },
  ]
  parts.push(sealFooter(footer(columns, rows, rows > 0 ? [group] : [])))
  return joined(parts)
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

/** In a buffer of its own, which can be moved. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
