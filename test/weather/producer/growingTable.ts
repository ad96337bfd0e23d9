import type { Call } from '../../../src/datasources/call.ts'
import type { Clock } from '../../../src/datasources/clock.ts'
import type { KeyQuery } from '../../../src/datasources/growingTables.ts'
import type { Row, SourceColumn } from '../../../src/datasources/source.ts'
import { MillraceError } from '../../../src/errors.ts'
import type { ProducerOptions } from '../../../src/weather/producer/producer.ts'

/** A transaction that adds rows: it takes their ids at once and shows them, or gives them up, later. */
export interface Writer {
  startMillis: number
  rows: number
  openMillis: number
  commits: boolean
}

/** Time that passes only while somebody waits or asks. */
export interface VirtualTime extends Clock {
  pass(millis: number): void
  at(millis: number, action: () => void): void
}

export function virtualTime(): VirtualTime {
  let now = 0
  const planned: { millis: number; action: () => void }[] = []
  const time: VirtualTime = {
    nowMillis: () => now,
    async pause(millis, signal) {
      signal?.throwIfAborted()
      time.pass(millis)
      await Promise.resolve()
      signal?.throwIfAborted()
    },
    deadline: () => new AbortController().signal,
    at(millis, action) {
      planned.push({ millis, action })
      planned.sort((one, other) => one.millis - other.millis)
    },
    pass(millis) {
      const end = now + millis
      while (planned[0] && planned[0].millis <= end) {
        const { millis: at, action } = planned.shift()!
        now = Math.max(now, at)
        action()
      }
      now = end
    },
  }
  return time
}

/** How a database shows what goes on in it, in milliseconds. */
export interface Slowness {
  /** The list of transactions is a copy, renewed when it is older. */
  listAge: number
  /** From taking an id to being in the list. */
  unlisted: number
  /** From leaving the list to being readable. */
  unreadable: number
}

/** The table `temperatures` of a database with several writers, which tells of its transactions as MySQL does. */
export function growingTable(
  writers: readonly Writer[],
  time: VirtualTime,
  { listAge, unlisted, unreadable }: Slowness,
  failing: () => boolean,
): { source: ProducerOptions['source']; committed: Set<number>; lastChangeMillis: number } {
  const visible = new Map<number, Row>()
  const committed = new Set<number>()
  const open = new Set<string>()
  let copy: { madeAt: number; names: ReadonlySet<string> } = { madeAt: Number.NEGATIVE_INFINITY, names: new Set() }
  let nextId = 1
  let lastChangeMillis = 0

  for (const [number, { startMillis, rows, openMillis, commits }] of writers.entries()) {
    const end = startMillis + openMillis
    lastChangeMillis = Math.max(lastChangeMillis, end + unreadable)
    let ids: number[] = []
    let ended = false
    time.at(startMillis, () => {
      ids = Array.from({ length: rows }, () => nextId++)
    })
    time.at(Math.min(startMillis + unlisted, end), () => {
      if (!ended) open.add(String(number))
    })
    time.at(end, () => {
      ended = true
      open.delete(String(number))
    })
    time.at(end + unreadable, () => {
      if (!commits) return
      for (const id of ids) {
        committed.add(id)
        visible.set(id, rowOf(id))
      }
    })
  }

  function asked({ signal }: Call = {}): void {
    signal?.throwIfAborted()
    time.pass(1)
    if (failing()) throw new MillraceError('UNAVAILABLE', 'the source is away')
  }

  return {
    committed,
    lastChangeMillis,
    source: {
      async columns(_table, call) {
        asked(call)
        return COLUMNS
      },
      async rowsByKey({ after = 0, descending = false, limit, columns }: KeyQuery, call) {
        asked(call)
        const ids = [...visible.keys()].filter(id => id > after).sort((one, other) => one - other)
        if (descending) ids.reverse()
        return ids.slice(0, limit).map(id => visible.get(id)!.slice(0, columns.length))
      },
      async openTransactions(call) {
        asked(call)
        if (time.nowMillis() - copy.madeAt > listAge) copy = { madeAt: time.nowMillis(), names: new Set(open) }
        return copy.names
      },
    },
  }
}

export const stationOf = (id: number) => `Station${'ABCDEFGHIJ'[id % 10]}`

function rowOf(id: number): Row {
  return [id, stationOf(id), '2000-01-01', id / 3]
}

const COLUMNS: SourceColumn[] = [
  { name: 'id', type: { kind: 'integer', bits: 64, signed: true } },
  { name: 'station_id', type: { kind: 'text' } },
  { name: 'date', type: { kind: 'date' } },
  { name: 'degrees', type: { kind: 'float', bits: 64 } },
]
