import { setImmediate as otherWork } from 'node:timers/promises'
import type { Row, SourceColumn } from '../datasources/source.ts'
import { type ColumnBuffer, columnBuffer, type PackedColumn } from './columnBuffer.ts'
import type { Encoder } from './encoder.ts'
import { type GroupEntry, type GroupedFile, openGroupSpool } from './groupSpool.ts'

export interface GroupedFileOptions {
  columns: SourceColumn[]
  /** Rows with the same key lie together in the file; null keys come last. */
  keyOf: (row: Row) => number | null
  /** Columns that stand last in each key's range (see openGroupSpool); they keep min and max in the footer. */
  tailColumns: string[]
  encoder: Encoder
  /** A local file of our own, removed by dispose(). */
  spoolPath: string
  /** What may be held in memory before the largest buffer is encoded, in bytes. */
  budgetBytes: number
  signal: AbortSignal
}

/**
 * Writes a Parquet file whose row groups are aligned with keys, from rows in any order, in bounded memory: rows gather in a
 * buffer per key; when the budget is full the largest buffer becomes a row group in the spool.
 */
export interface GroupedFileWriter {
  /** Resolves when there is room for more. */
  append(rows: readonly Row[]): Promise<void>
  finish(describe: (entries: readonly GroupEntry[]) => Map<string, string>): Promise<GroupedFile>
  /** Encoded bytes so far. */
  encodedBytes(): number
  /** Dates and instants that no calendar has, stored as NULL. */
  impossibleValues(): number
  dispose(): Promise<void>
}

interface KeyBuffer {
  columns: ColumnBuffer[]
  rows: number
  /** When last weighed. */
  bytes: number
  weighAtRows: number
}

/** More rows in a row group make the file hardly smaller, but the memory to encode one larger: some 8 kB a row of 100 columns. */
const MAX_GROUP_ROWS = 8_192
/** A buffer this share of the budget is encoded without waiting for the rest to fill. */
const MAX_GROUP_SHARE = 0.25
/** A buffer is weighed again when it has so many more rows. */
const WEIGH_EACH_ROWS = 64
/** Packed at a stretch; then other work of this thread, such as the API's, has its turn. */
const SLICE_ROWS = 512
/** One is being encoded while the next waits; more would only hold memory. */
const MAX_ENCODING = 2

export async function groupedFileWriter(options: GroupedFileOptions): Promise<GroupedFileWriter> {
  const { columns, keyOf, tailColumns, encoder, signal, budgetBytes } = options
  const newColumns = () => columns.map(({ type }) => columnBuffer(type))
  const encode = (packed: PackedColumn[]) => encoder.encode(columns, packed, tailColumns, signal)

  const empty = await encode(newColumns().map(column => column.take()))
  const spool = await openGroupSpool(options.spoolPath, empty, tailColumns)
  const buffers = new Map<number | null, KeyBuffer>()
  const encoding = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  let held = 0
  let encodedBytes = 0
  let impossibleValues = 0

  const append = async (rows: readonly Row[]) => {
    for (let start = 0; start < rows.length; start += SLICE_ROWS) {
      await appendSlice(rows.slice(start, start + SLICE_ROWS))
      await otherWork()
    }
  }

  const appendSlice = async (rows: readonly Row[]) => {
    for (const [key, indexes] of indexesByKey(rows, keyOf)) {
      const buffer = buffers.get(key) ?? { columns: newColumns(), rows: 0, bytes: 0, weighAtRows: 0 }
      buffers.set(key, buffer)
      for (const [position, column] of buffer.columns.entries()) column.append(rows, indexes, position)
      buffer.rows += indexes.length
      if (buffer.rows >= buffer.weighAtRows) weigh(buffer)
      if (buffer.rows >= MAX_GROUP_ROWS || buffer.bytes >= budgetBytes * MAX_GROUP_SHARE) await flush(key)
    }
    while (held >= budgetBytes) await flush(largest(buffers))
  }

  /** Asking a hundred columns for their size costs as much as appending a row: not at each slice, then. */
  const weigh = (buffer: KeyBuffer) => {
    const bytes = buffer.columns.reduce((sum, column) => sum + column.bytes(), 0)
    held += bytes - buffer.bytes
    buffer.bytes = bytes
    buffer.weighAtRows = buffer.rows + WEIGH_EACH_ROWS
  }

  /** Returns once the buffer is on its way, which is when fewer than MAX_ENCODING others are. */
  const flush = async (key: number | null) => {
    while (encoding.size >= MAX_ENCODING) await Promise.race(encoding)
    if (failure) throw failure.error
    signal.throwIfAborted()
    const buffer = buffers.get(key)!
    buffers.delete(key)
    held -= buffer.bytes
    const packed = buffer.columns.map(column => column.take())
    for (const column of buffer.columns) impossibleValues += column.impossible()
    const encoded = encode(packed)
      .then(async file => {
        await spool.add(key, file)
        encodedBytes += file.length
      })
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => encoding.delete(encoded))
    encoding.add(encoded)
  }

  const finish: GroupedFileWriter['finish'] = async describe => {
    for (const key of buffers.keys()) await flush(key)
    await Promise.all(encoding)
    if (failure) throw failure.error
    return spool.assemble(describe)
  }

  return {
    append,
    finish,
    encodedBytes: () => encodedBytes,
    impossibleValues: () => impossibleValues,
    async dispose() {
      await Promise.all(encoding)
      await spool.dispose()
    },
  }
}

function indexesByKey(rows: readonly Row[], keyOf: (row: Row) => number | null): Map<number | null, number[]> {
  const result = new Map<number | null, number[]>()
  for (const [index, row] of rows.entries()) {
    const key = keyOf(row)
    const indexes = result.get(key)
    if (indexes) indexes.push(index)
    else result.set(key, [index])
  }
  return result
}

function largest(buffers: ReadonlyMap<number | null, KeyBuffer>): number | null {
  let result: [key: number | null, bytes: number] = [null, -1]
  for (const [key, { bytes }] of buffers) if (bytes > result[1]) result = [key, bytes]
  return result[0]
}
