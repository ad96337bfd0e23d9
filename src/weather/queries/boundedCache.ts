/** Values by key, up to a total weight; what was not asked for longest goes first. */
export interface BoundedCache<Value> {
  get(key: string): Value | undefined
  /** A value heavier than all the cache may hold is not kept. */
  set(key: string, value: Value, weight: number): void
}

export function boundedCache<Value>(mostWeight: number): BoundedCache<Value> {
  const entries = new Map<string, { value: Value; weight: number }>()
  let total = 0

  const remove = (key: string) => {
    total -= entries.get(key)?.weight ?? 0
    entries.delete(key)
  }

  return {
    get(key) {
      const entry = entries.get(key)
      if (!entry) return undefined
      entries.delete(key)
      entries.set(key, entry)
      return entry.value
    },
    set(key, value, weight) {
      remove(key)
      if (weight > mostWeight) return
      entries.set(key, { value, weight })
      total += weight
      for (const oldest of entries.keys()) {
        if (total <= mostWeight) break
        remove(oldest)
      }
    },
  }
}
