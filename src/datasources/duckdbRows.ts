import { DuckDBBlobValue, type DuckDBDataChunk, type DuckDBResult } from '@duckdb/node-api'
import { collectGarbage } from './collectGarbage.ts'
import type { SelectedValue } from './rowQuery.ts'
import type { ColumnType, Row } from './source.ts'

/** A chunk of 100 columns is 4 MB that only its finalizer frees; without this a copy of a large table is 100 MB larger. */
const CHUNKS_PER_COLLECTION = 8
/** A chunk has eight times as many: its values are made a batch at a time, so that the thread is never busy for long. */
const ROWS_PER_BATCH = 256

export interface RowReader {
  /** What stands between SELECT and FROM. */
  selectList: string
  /** The rows of a chunk of that SELECT, from `start` to before `end`. */
  read: (chunk: DuckDBDataChunk, start: number, end: number) => Row[]
}

/**
 * How the values of a query travel and are put in their places. All that arrive as strings travel in one JSON array per row,
 * the first column: each string out of DuckDB costs a call into the addon, and JSON.parse makes the 30 of a row in a fifth
 * of that time.
 */
export function rowReader(values: readonly SelectedValue[]): RowReader {
  const placed = values.map((value, place) => ({ ...value, place }))
  const texts = placed.filter(({ type }) => isText(type))
  const others = placed.filter(({ type }) => !isText(type))
  const textPlaces = texts.map(({ place }) => place)
  const otherPlaces = others.map(({ place }) => place)
  const emptyRow: unknown[] = values.map(() => null)

  function read(chunk: DuckDBDataChunk, start: number, end: number): Row[] {
    const packed = chunk.getColumnVector(0)
    const rows: unknown[][] = []
    for (let index = start; index < end; index++) {
      const row = emptyRow.slice()
      const strings = JSON.parse(packed.getItem(index) as string) as (string | null)[]
      for (let text = 0; text < textPlaces.length; text++) row[textPlaces[text]!] = strings[text]
      rows.push(row)
    }
    for (const [other, place] of otherPlaces.entries()) {
      const vector = chunk.getColumnVector(1 + other)
      for (let index = 0; index < rows.length; index++) rows[index]![place] = plain(vector.getItem(start + index))
    }
    return rows
  }
  const packedTexts = `CAST(json_array(${texts.map(({ sql }) => sql).join(', ')}) AS VARCHAR)`
  return { selectList: [packedTexts, ...others.map(({ sql }) => sql)].join(', '), read }
}

/** The rows of a result, in small batches. One that fails in the middle ends like one that is whole: count them. */
export async function* streamedRows(
  result: DuckDBResult,
  read: RowReader['read'],
): AsyncGenerator<Row[], void, undefined> {
  for (let chunks = 1; ; chunks++) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) return
    if (chunks % CHUNKS_PER_COLLECTION === 0) collectGarbage()
    for (let start = 0; start < chunk.rowCount; start += ROWS_PER_BATCH) {
      yield read(chunk, start, Math.min(start + ROWS_PER_BATCH, chunk.rowCount))
    }
  }
}

function isText({ kind }: ColumnType): boolean {
  return kind === 'text' || kind === 'decimal' || kind === 'date' || kind === 'timestamp'
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }
  return value instanceof DuckDBBlobValue ? value.bytes : value
}
