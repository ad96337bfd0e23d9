import { randomUUID } from 'node:crypto'

/**
 * UUIDs of version 7: milliseconds since 1970, a counter, then chance. Ids of one maker sort in the order of their making,
 * also within a millisecond and when the clock steps back.
 */
export function createIdMaker(clock: () => number): () => string {
  let lastMillis = 0
  let counter = 0
  return () => {
    const now = Math.floor(clock())
    if (now > lastMillis) {
      lastMillis = now
      counter = 0
    } else if (++counter > 0xfff) {
      lastMillis++
      counter = 0
    }
    const time = lastMillis.toString(16).padStart(12, '0')
    const random = randomUUID().slice(19)
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${random}`
  }
}
