/** One writer, many readers, and at most one value kept for each: a slow reader sees the newest, never a queue. */
export interface Broadcast<T> {
  publish(value: T): void
  /** Readers get what they have not read yet, then end. */
  end(): void
  /** Reads `first`, then each newer value. return() frees the reader. */
  read(first: T): AsyncIterableIterator<T>
  /** How many readers there are now. */
  readonly readers: number
}

interface Reader<T> {
  publish(value: T): void
  end(): void
}

export function createBroadcast<T>(): Broadcast<T> {
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
    read(first) {
      const { iterator, reader } = createReader(first, () => readers.delete(reader))
      if (ended) reader.end()
      else readers.add(reader)
      return iterator
    },
    get readers() {
      return readers.size
    },
  }
}

function createReader<T>(first: T, release: () => void): { iterator: AsyncIterableIterator<T>; reader: Reader<T> } {
  let unread: { value: T } | undefined = { value: first }
  let ended = false
  const waiting: ((result: IteratorResult<T>) => void)[] = []

  const reader: Reader<T> = {
    publish(value) {
      const resolve = waiting.shift()
      if (resolve) resolve({ value, done: false })
      else unread = { value }
    },
    end() {
      ended = true
      for (const resolve of waiting.splice(0)) resolve({ value: undefined, done: true })
    },
  }

  const iterator: AsyncIterableIterator<T> = {
    async next() {
      if (unread) {
        const { value } = unread
        unread = undefined
        return { value, done: false }
      }
      if (ended) return { value: undefined, done: true }
      return new Promise(resolve => waiting.push(resolve))
    },
    async return() {
      unread = undefined
      reader.end()
      release()
      return { value: undefined, done: true }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return { iterator, reader }
}
