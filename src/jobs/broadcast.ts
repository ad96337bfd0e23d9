/** One writer, many readers, and few values kept for each: a slow reader misses the oldest. */
export interface Broadcast<T> {
  publish(value: T): void
  /** Readers get what they have not read yet, then end. */
  end(): void
  /** Reads `first`, where there is one, then each newer value. return() frees the reader. */
  read(...first: [] | [T]): AsyncIterableIterator<T>
  /** How many readers there are now. */
  readonly readers: number
}

interface Reader<T> {
  publish(value: T): void
  end(): void
}

/** `keep`: how many unread values each reader has at most; with 1 it sees the newest only. */
export function createBroadcast<T>({ keep = 1 }: { keep?: number } = {}): Broadcast<T> {
  const readers = new Set<Reader<T>>()
  let ended = false

  return {
    publish(value) {
      for (const reader of readers) reader.publish(value)
    },
    end() {
      ended = true
      for (const reader of readers) reader.end()
      readers.clear()
    },
    read(...first) {
      const { iterator, reader } = createReader<T>(first, keep, () => readers.delete(reader))
      if (ended) reader.end()
      else readers.add(reader)
      return iterator
    },
    get readers() {
      return readers.size
    },
  }
}

function createReader<T>(
  first: T[],
  keep: number,
  release: () => void,
): { iterator: AsyncIterableIterator<T>; reader: Reader<T> } {
  const unread = [...first]
  let ended = false
  const waiting: ((result: IteratorResult<T>) => void)[] = []

  const reader: Reader<T> = {
    publish(value) {
      const resolve = waiting.shift()
      if (resolve) return resolve({ value, done: false })
      unread.push(value)
      if (unread.length > keep) unread.shift()
    },
    end() {
      ended = true
      for (const resolve of waiting.splice(0)) resolve({ value: undefined, done: true })
    },
  }

  const iterator: AsyncIterableIterator<T> = {
    async next() {
      if (unread.length > 0) return { value: unread.shift()!, done: false }
      if (ended) return { value: undefined, done: true }
      return new Promise(resolve => waiting.push(resolve))
    },
    async return() {
      unread.length = 0
      reader.end()
      release()
      return { value: undefined, done: true }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return { iterator, reader }
}
