import { setImmediate as otherWork } from 'node:timers/promises'
import type { Row, SourceColumn } from '../datasources/source.ts'
import { isWire, valuesOf, type WireRows } from '../datasources/wireRows.ts'
import { MillraceError } from '../errors.ts'
import { PACKED_ROWS } from './columnPacker.ts'
import { createColumnPacker } from './createColumnPacker.ts'
import { type EncodeGroupsTask, encodeColumns } from './encodeRowGroup.ts'
import type { Encoder } from './encoder.ts'
import { free } from './free.ts'
import { type GroupEntry, type GroupedFile, openGroupSpool, rankOf } from './groupSpool.ts'

export interface GroupedFileOptions {
  columns: SourceColumn[]
  /** Rows with the same key lie together in the file; null keys come last. */
  keyOf: (value: unknown) => number | null
  /** The column that has what keyOf() takes; without one all rows have the key of undefined. */
  keyColumn?: number
  /** Columns that stand last in each key's range (see openGroupSpool); they keep min and max in the footer. */
  tailColumns: string[]
  encoder: Encoder
  /** A local file of our own, removed by dispose(). */
  spoolPath: string
  /** What rows may take in memory that are packed, or being encoded, in bytes. */
  budgetBytes: number
  signal: AbortSignal
}

/**
 * Writes a Parquet file whose row groups are aligned with keys, from rows in any order, in bounded memory: rows gather in a
 * block; when it has its share of the budget, the rows of each key in it become a row group in the spool, while the next block fills.
 */
export interface GroupedFileWriter {
  /** Resolves when there is room for more. */
  append(rows: readonly Row[] | WireRows): Promise<void>
  /** The file may be read while its last rows are being encoded. `describe` gives its key-value metadata. */
  finish(describe: (entries: readonly GroupEntry[]) => Map<string, string>): Promise<GroupedFile>
  /** Encoded bytes so far. */
  encodedBytes(): number
  /** Dates and instants that no calendar has, stored as NULL. */
  impossibleValues(): number
  dispose(): Promise<void>
}

/** Rows on their way through a thread. */
interface Block {
  /** All its row groups with smaller keys are in the spool. */
  reached: number
  ended: Promise<void>
}

/** More rows in a row group make the file hardly smaller. */
const MAX_GROUP_ROWS = 65_536
/** Of the budget, for the words of all text columns. */
const MAX_DICTIONARY_SHARE = 0.25
const FIRST_KEYS = 4_096

export async function groupedFileWriter(options: GroupedFileOptions): Promise<GroupedFileWriter> {
  const { columns, keyOf, tailColumns, encoder, signal, budgetBytes } = options
  const room = { bytes: budgetBytes * MAX_DICTIONARY_SHARE }
  const packers = columns.map(({ type }) => createColumnPacker(type, room))
  const takeAll = () => packers.map(packer => packer.take())
  /** Of a block: one fills while the threads encode others. */
  const blockBytes = (budgetBytes * (1 - MAX_DICTIONARY_SHARE)) / (1 + encoder.threads)

  const empty = encodeColumns({ columns, packed: takeAll(), statistics: tailColumns })
  const isTail = columns.map(({ name }) => tailColumns.includes(name))
  const spool = await openGroupSpool(options.spoolPath, empty, isTail)
  const blocks = new Set<Block>()
  let failure: { error: unknown } | undefined
  let changed = Promise.withResolvers<void>()
  let encodedBytes = 0

  let keys = new Float64Array(FIRST_KEYS)
  let rowsHeld = 0
  let rowsAppended = 0

  const append = async (rows: readonly Row[] | WireRows) => {
    for (const some of isWire(rows) ? [rows] : slices(rows)) {
      pack(some)
      const held = packers.reduce((sum, packer) => sum + packer.bytes(), keys.byteLength)
      if (held >= blockBytes) await encodeBlock()
      // Packed at a stretch; then other work of this thread, such as the API's, has its turn.
      await otherWork()
    }
  }

  const pack = (rows: readonly Row[] | WireRows) => {
    for (const [column, packer] of packers.entries()) {
      if (isWire(rows)) packer.packWire(rows, column)
      else packer.pack(rows, column)
    }
    const { count, at } = valuesOf(rows)
    if (rowsHeld + count > keys.length) {
      const larger = new Float64Array(keys.length * 2)
      larger.set(keys)
      keys = larger
    }
    rowsAppended += count
    const { keyColumn } = options
    for (let row = 0; row < count; row++) {
      keys[rowsHeld++] = keyOf(keyColumn === undefined ? undefined : at(row, keyColumn)) ?? Number.NaN
    }
  }

  /** Returns once the block is on its way, which is when a thread is free. */
  const encodeBlock = async () => {
    while (blocks.size >= encoder.threads) await changed.promise
    if (failure) throw failure.error
    signal.throwIfAborted()
    const task = {
      columns,
      packed: takeAll(),
      keys: keys.slice(0, rowsHeld),
      statistics: tailColumns,
      mostRows: MAX_GROUP_ROWS,
    }
    rowsHeld = 0
    const block: Block = { reached: Number.NEGATIVE_INFINITY, ended: Promise.resolve() }
    blocks.add(block)
    block.ended = spoolGroups(block, task)
      .catch((error: unknown) => {
        failure ??= { error }
      })
      .finally(() => {
        blocks.delete(block)
        tellOfChange()
      })
  }

  const spoolGroups = async (block: Block, task: EncodeGroupsTask) => {
    for await (const group of encoder.encode(task, signal)) {
      await spool.add(group)
      encodedBytes += group.body.length
      free([group.body])
      block.reached = rankOf(group.key)
      tellOfChange()
    }
  }

  const tellOfChange = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }

  /** The keys of the spool, ascending, each as soon as no block can add to it. */
  async function* completeKeys(): AsyncGenerator<number | null> {
    let last = Number.NEGATIVE_INFINITY
    for (;;) {
      if (failure) throw failure.error
      const next = spool.keys().find(key => rankOf(key) > last)
      const reached = Math.min(...[...blocks].map(block => block.reached))
      if (next !== undefined && (blocks.size === 0 || rankOf(next) < reached)) {
        last = rankOf(next)
        yield next
      } else if (blocks.size === 0) return
      else await changed.promise
    }
  }

  const finish: GroupedFileWriter['finish'] = async describe => {
    if (rowsHeld > 0) await encodeBlock()
    return spool.assemble(completeKeys(), ({ rows, entries }) => {
      if (rows === rowsAppended) return describe(entries)
      throw new MillraceError('INTERNAL', `The file's footer counts ${rows} rows, but ${rowsAppended} were fetched.`)
    })
  }

  return {
    append,
    finish,
    encodedBytes: () => encodedBytes,
    impossibleValues: () => packers.reduce((sum, packer) => sum + packer.impossible(), 0),
    async dispose() {
      await Promise.all([...blocks].map(({ ended }) => ended))
      await spool.dispose()
    },
  }
}

function* slices(rows: readonly Row[]): Generator<readonly Row[]> {
  for (let start = 0; start < rows.length; start += PACKED_ROWS) yield rows.slice(start, start + PACKED_ROWS)
}
