export interface KeyRange {
  key: number | null
  /** In the order, up to and without `to`. */
  from: number
  to: number
}

/**
 * The places of all keys: ascending by key, those without one last, and those of one key in the order in which they arrived.
 * @param keys NaN for none, which is a key of its own.
 * @param most So many in one range; what is more makes further ranges.
 */
export function orderByKey(keys: Float64Array, most: number): { order: Int32Array; ranges: KeyRange[] } {
  const counts = new Map<number, number>()
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1)
  const ranges: KeyRange[] = []
  const nextOf = new Map<number, number>()
  let from = 0
  for (const [key, count] of [...counts].sort(([left], [right]) => rank(left) - rank(right))) {
    nextOf.set(key, from)
    for (let start = from; start < from + count; start += most) {
      ranges.push({ key: Number.isNaN(key) ? null : key, from: start, to: Math.min(start + most, from + count) })
    }
    from += count
  }
  const order = new Int32Array(keys.length)
  for (let place = 0; place < keys.length; place++) {
    const next = nextOf.get(keys[place]!)!
    order[next] = place
    nextOf.set(keys[place]!, next + 1)
  }
  return { order, ranges }
}

function rank(key: number): number {
  return Number.isNaN(key) ? Number.MAX_VALUE : key
}
