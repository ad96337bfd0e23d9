/** Removes what was added first, until no more than `most` are left. */
export function forgetOldest<Key>(
  collection: { size: number; keys(): Iterable<Key>; delete(key: Key): boolean },
  most: number,
): void {
  for (const oldest of collection.keys()) {
    if (collection.size <= most) return
    collection.delete(oldest)
  }
}
