import { z } from 'zod'
import { MillraceError } from '../../errors.ts'

/** A row's place in the order of all rows: by date, then station, then as they came. Merging files does not change it. */
export interface Place {
  /** YYYY-MM-DD. */
  date: string
  stationId: string
  partition: number
  /** Rows of the partition before it. */
  row: number
}

export function comparePlaces(a: Place, b: Place): number {
  if (a.date !== b.date) return a.date < b.date ? -1 : 1
  if (a.stationId !== b.stationId) return a.stationId < b.stationId ? -1 : 1
  return a.partition - b.partition || a.row - b.row
}

const whole = z.number().int().nonnegative()
const cursor = z.tuple([z.string(), z.string(), whole, whole])

export function showCursor({ date, stationId, partition, row }: Place): string {
  return Buffer.from(JSON.stringify([date, stationId, partition, row])).toString('base64url')
}

/** BAD_USER_INPUT for a text that showCursor() would not give. */
export function parseCursor(text: string): Place {
  try {
    const [date, stationId, partition, row] = cursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')))
    return { date, stationId, partition, row }
  } catch (cause) {
    throw new MillraceError(
      'BAD_USER_INPUT',
      `Expected "after" to be the endCursor of a page of temperatures, but got ${JSON.stringify(text.slice(0, 100))}.`,
      { hint: 'Leave "after" out for the first page, and give the endCursor of each page to the next one.', cause },
    )
  }
}
