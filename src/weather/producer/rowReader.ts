import type { Call } from '../../datasources/call.ts'
import type { Row, Source, SourceColumn } from '../../datasources/source.ts'
import { MillraceError } from '../../errors.ts'
import { type SettledOptions, untilSettled } from '../settled.ts'
import { TEMPERATURES } from '../temperaturesTable.ts'

export interface SourceRow {
  id: number
  stationId: string
  date: string
  /** NaN for NULL, which a Report cannot hold. */
  degrees: number
}

/** Rows in the order of their ids, none of which another can still come before. */
export interface RowReader {
  /** At most `limit` rows after an id; none where there is none yet, or where it had to wait at a gap and then found none. */
  after(id: number, limit: number, call: Call): Promise<SourceRow[]>
  /** The largest id that can be read; 0 for an empty table. */
  largestId(call: Call): Promise<number>
}

export interface RowReaderOptions extends Omit<SettledOptions, 'source'> {
  source: Pick<Source, 'columns' | 'rowsByKey' | 'openTransactions'>
  /** Told of a gap that it waits at, and when that is over. */
  onGap: (gap: { afterId: number; largestId: number } | undefined) => Promise<void>
}

/**
 * Ids are given out in order and become visible out of order: behind a gap, whoever took the missing id may still be about to commit.
 * So nothing behind a gap is given before every transaction has ended that was open when the gap was seen.
 */
export function rowReader(options: RowReaderOptions): RowReader {
  const { source, onGap } = options
  let columns: SourceColumn[] | undefined
  /** No id up to this one can still become visible. */
  let settledId = 0

  async function read(id: number, limit: number, call: Call): Promise<SourceRow[]> {
    columns ??= await describedColumns(source, call)
    const query = { table: TEMPERATURES.name, key: TEMPERATURES.key, columns, after: id, limit }
    return (await source.rowsByKey(query, call)).map(asSourceRow)
  }

  async function largestId(call: Call): Promise<number> {
    columns ??= await describedColumns(source, call)
    const { name: table, key } = TEMPERATURES
    const query = { table, key, columns: columns.slice(0, 1), descending: true, limit: 1 }
    const [row] = await source.rowsByKey(query, call)
    return row ? Number(row[0]) : 0
  }

  /** How many of the first rows no other can come before. */
  function certain(id: number, rows: readonly SourceRow[]): number {
    let before = id
    for (const [index, row] of rows.entries()) {
      if (row.id !== before + 1 && row.id - 1 > settledId) return index
      before = row.id
    }
    return rows.length
  }

  return {
    largestId,
    async after(id, limit, call) {
      const rows = await read(id, limit, call)
      const count = certain(id, rows)
      if (count > 0 || rows.length === 0) return rows.slice(0, count)
      // All gaps up to here settle together.
      const largest = Math.max(await largestId(call), rows.at(-1)!.id)
      await onGap({ afterId: id, largestId: largest })
      await untilSettled(options, call)
      settledId = largest
      const again = await read(id, limit, call)
      await onGap(undefined)
      return again.slice(0, certain(id, again))
    },
  }
}

const READ = [TEMPERATURES.key, ...TEMPERATURES.columns.map(column => column.name)]

async function describedColumns(source: Pick<Source, 'columns'>, call: Call): Promise<SourceColumn[]> {
  const found = await source.columns(TEMPERATURES.name, call)
  return READ.map(name => {
    const column = found.find(column => column.name === name)
    if (column) return column
    throw new MillraceError(
      'CONFLICT',
      `Expected the columns ${READ.join(', ')} in table "${TEMPERATURES.name}", there are ${found.map(({ name }) => name).join(', ')}.`,
      { hint: 'Rename the table that is there: `millrace weather generate` makes the one that is expected.' },
    )
  })
}

/** A value that no Report can hold becomes one that the reader of the log will tell of, not one that it takes for true. */
function asSourceRow([id, stationId, date, degrees]: Row): SourceRow {
  return {
    id: Number(id),
    stationId: asText(stationId),
    date: asText(date),
    degrees: degrees === null ? Number.NaN : Number(degrees),
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
