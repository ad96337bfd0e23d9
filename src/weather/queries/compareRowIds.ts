import type { Call } from '../../datasources/call.ts'
import type { StoredIds } from './storedIds.ts'

export interface Comparison {
  sourceRows: number
  /** Stored rows that have an id. */
  storedIds: number
  missing: number
  duplicated: number
  /** The smallest id that is missing or doubled. */
  first: { rowId: number; inSource: boolean; isStored: boolean } | undefined
}

/** Ids looked at at a time: a byte each. */
const WINDOW_IDS = 2 ** 18
/** What a byte says of its id. */
const IN_SOURCE = 1
const STORED = 2
const STORED_AGAIN = 4
const RIGHT = IN_SOURCE | STORED

/**
 * Each id of the source against each stored one. Ids of the source above `last` need not be stored yet.
 * @param source Ascending, in batches.
 */
export async function compareRowIds(
  stored: StoredIds,
  source: AsyncIterable<ArrayLike<number>>,
  last: number,
  call?: Call,
): Promise<Comparison> {
  const result: Comparison = { sourceRows: 0, storedIds: 0, missing: 0, duplicated: 0, first: undefined }
  const window = new Uint8Array(WINDOW_IDS)
  const ids = ascending(source)
  try {
    let start = Math.min(stored.first(), await ids.next())
    while (start !== Number.POSITIVE_INFINITY) {
      const from = start
      const end = from + WINDOW_IDS
      window.fill(0)
      await ids.takeBelow(end, rowId => {
        result.sourceRows++
        window[rowId - from] = IN_SOURCE
      })
      const add = (rowId: number) => {
        const seen = window[rowId - from]!
        result.storedIds++
        if (seen !== IN_SOURCE) result.duplicated++
        window[rowId - from] = seen | (seen & STORED ? STORED_AGAIN : STORED)
      }
      const nextStored = await stored.within(from, end, add, call)
      judge(window, from, last, result)
      start = Math.min(nextStored, await ids.next())
    }
  } finally {
    await ids.end()
  }
  return result
}

function judge(window: Uint8Array, start: number, last: number, result: Comparison): void {
  for (let index = 0; index < window.length; index++) {
    const seen = window[index]!
    if (seen === 0 || seen === RIGHT) continue
    const rowId = start + index
    const isStored = (seen & STORED) > 0
    if (!isStored && rowId > last) {
      result.sourceRows--
      continue
    }
    if (!isStored) result.missing++
    result.first ??= { rowId, inSource: (seen & IN_SOURCE) > 0, isStored }
  }
}

/** Ascending numbers out of batches. */
function ascending(batches: AsyncIterable<ArrayLike<number>>) {
  const iterator = batches[Symbol.asyncIterator]()
  let batch: ArrayLike<number> = []
  let at = 0
  let done = false

  /** The next number, or infinity when there is none. */
  const next = async (): Promise<number> => {
    while (at === batch.length && !done) {
      const result = await iterator.next()
      if (result.done) done = true
      batch = result.done ? [] : result.value
      at = 0
    }
    return batch[at] ?? Number.POSITIVE_INFINITY
  }

  return {
    next,
    async takeBelow(end: number, tell: (value: number) => void): Promise<void> {
      while ((await next()) < end) {
        for (; at < batch.length && batch[at]! < end; at++) tell(batch[at]!)
      }
    },
    async end() {
      if (!done) await iterator.return?.()
    },
  }
}
