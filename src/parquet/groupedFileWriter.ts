import { setImmediate as otherWork } from 'node:timers/promises'
import type { Row, SourceColumn } from '../datasources/source.ts'
import { type ColumnBuffer, type PackedColumn, STAGE_ROWS } from './columnPacker.ts'
import { createColumnPacker } from './createColumnPacker.ts'
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
  bytes: number
}

/** More rows in a row group make the file hardly smaller, but the memory to encode one larger: some 8 kB a row of 100 columns. */
const MAX_GROUP_ROWS = 8_192
/** A buffer this share of the budget is encoded without waiting for the rest to fill. */
const MAX_GROUP_SHARE = 0.25
/** Of the budget, for the words of all text columns, and for long values that wait to be given to their keys. */
const MAX_DICTIONARY_SHARE = 0.25
const MAX_STAGED_SHARE = 0.125
/** Packed at a stretch; then other work of this thread, such as the API's, has its turn. */
const SLICE_ROWS = 512
/** One is being encoded while the next waits; more would only hold memory. */
const MAX_ENCODING = 2

export async function groupedFileWriter(options: GroupedFileOptions): Promise<GroupedFileWriter> {
  const { columns, keyOf, tailColumns, encoder, signal, budgetBytes } = options
  const room = { bytes: budgetBytes * MAX_DICTIONARY_SHARE }
  const packers = columns.map(({ type }) => createColumnPacker(type, room))
  const newBuffers = () => packers.map(packer => packer.buffer())
  const encode = (packed: PackedColumn[]) => encoder.encode(columns, packed, tailColumns, signal)

  const empty = await encode(newBuffers().map(buffer => buffer.take()))
  const spool = await openGroupSpool(options.spoolPath, empty, tailColumns)
  const buffers = new Map<number | null, KeyBuffer>()
  const encoding = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  let held = 0
  let encodedBytes = 0

  let keys: (number | null)[] = []

  const append = async (rows: readonly Row[]) => {
    for (let start = 0; start < rows.length; start += SLICE_ROWS) {
      await stage(rows.slice(start, start + SLICE_ROWS))
      await otherWork()
    }
  }

  const stage = async (rows: readonly Row[]) => {
    if (keys.length + rows.length > STAGE_ROWS) await deal()
    for (const [position, packer] of packers.entries()) packer.stage(rows, position)
    for (const row of rows) keys.push(keyOf(row))
    if (packers.reduce((sum, packer) => sum + packer.stagedBytes(), 0) >= budgetBytes * MAX_STAGED_SHARE) await deal()
  }

  /** Gives what is staged to the buffers of its keys. */
  const deal = async () => {
    const { order, ranges } = orderByKey(keys)
    for (const { key, from, to } of ranges) {
      for (let start = from; start < to; ) start = await dealTo(key, order, start, to)
    }
    for (const packer of packers) packer.clear()
    keys = []
    while (held >= budgetBytes) await flush(largest(buffers))
  }

  /** As many as the key's buffer has room for; returns where to go on. */
  const dealTo = async (key: number | null, order: Int32Array, from: number, to: number): Promise<number> => {
    const buffer = buffers.get(key) ?? { columns: newBuffers(), rows: 0, bytes: 0 }
    buffers.set(key, buffer)
    const stop = Math.min(to, from + MAX_GROUP_ROWS - buffer.rows)
    for (const column of buffer.columns) column.append(order, from, stop)
    buffer.rows += stop - from
    weigh(buffer)
    if (buffer.rows === MAX_GROUP_ROWS || buffer.bytes >= budgetBytes * MAX_GROUP_SHARE) await flush(key)
    return stop
  }

  const weigh = (buffer: KeyBuffer) => {
    const bytes = buffer.columns.reduce((sum, column) => sum + column.bytes(), 0)
    held += bytes - buffer.bytes
    buffer.bytes = bytes
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
    await deal()
    for (const key of buffers.keys()) await flush(key)
    await Promise.all(encoding)
    if (failure) throw failure.error
    return spool.assemble(describe)
  }

  return {
    append,
    finish,
    encodedBytes: () => encodedBytes,
    impossibleValues: () => packers.reduce((sum, packer) => sum + packer.impossible(), 0),
    async dispose() {
      await Promise.all(encoding)
      await spool.dispose()
    },
  }
}

interface KeyRange {
  key: number | null
  /** In the order, up to and without `to`. */
  from: number
  to: number
}

/** The places of all keys, those of one key together, in the order in which they arrived. */
function orderByKey(keys: readonly (number | null)[]): { order: Int32Array; ranges: KeyRange[] } {
  const placesByKey = new Map<number | null, number[]>()
  for (const [place, key] of keys.entries()) {
    const places = placesByKey.get(key)
    if (places) places.push(place)
    else placesByKey.set(key, [place])
  }
  const order = new Int32Array(keys.length)
  const ranges: KeyRange[] = []
  let from = 0
  for (const [key, places] of placesByKey) {
    order.set(places, from)
    ranges.push({ key, from, to: from + places.length })
    from += places.length
  }
  return { order, ranges }
}

function largest(buffers: ReadonlyMap<number | null, KeyBuffer>): number | null {
  let result: [key: number | null, bytes: number] = [null, -1]
  for (const [key, { bytes }] of buffers) if (bytes > result[1]) result = [key, bytes]
  return result[0]
}
