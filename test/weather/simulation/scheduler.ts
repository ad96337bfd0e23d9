/** Time that passes only from one thing to the next. */
export interface Scheduler {
  nowMillis(): number
  /** Does something at a time; returns what takes that back. */
  at(millis: number, action: () => void): () => void
  /** As at(), for what somebody gave up long before: overdue() counts those to come. */
  late(millis: number, action: () => void): void
  overdue(): number
  /** Lets things happen in their order, each when all that followed from the one before is done, until `done` or nothing is left. */
  run(done: () => boolean): Promise<void>
}

interface Entry {
  millis: number
  /** Of two things at one time the one planned first comes first. */
  order: number
  action: (() => void) | undefined
}

const START_MILLIS = Date.UTC(2026, 0, 1)

export function createScheduler(): Scheduler {
  const heap: Entry[] = []
  let now = START_MILLIS
  let orders = 0
  let overdue = 0

  const before = (one: Entry, other: Entry) =>
    one.millis < other.millis || (one.millis === other.millis && one.order < other.order)

  function push(entry: Entry): void {
    let index = heap.length
    heap.push(entry)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (before(heap[parent]!, entry)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = entry
  }

  function pop(): Entry | undefined {
    const first = heap[0]
    const last = heap.pop()
    if (!first || !last || heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1
      if (before(last, heap[child]!)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }

  function at(millis: number, action: () => void): () => void {
    const entry: Entry = { millis: Math.max(now, millis), order: orders++, action }
    push(entry)
    return () => {
      entry.action = undefined
    }
  }

  return {
    nowMillis: () => now,
    at,
    late(millis, action) {
      overdue += 1
      at(millis, () => {
        overdue -= 1
        action()
      })
    },
    overdue: () => overdue,
    async run(done) {
      await settled()
      while (!done()) {
        const entry = pop()
        if (!entry) return
        if (!entry.action) continue
        now = entry.millis
        entry.action()
        await settled()
      }
    },
  }
}

/** When all promises that can go on have gone on. */
const settled = () => new Promise<void>(resolve => setImmediate(resolve))
