/**
 * What `expand` makes of each value, in order. Unlike an async generator's, its return() ends a next() that waits: it goes through to
 * the source, whose return() must do so.
 */
export function expanded<In, Out>(
  source: AsyncIterableIterator<In>,
  expand: (value: In) => Iterable<Out> | Promise<Iterable<Out>>,
): AsyncIterableIterator<Out> {
  let rest: Iterator<Out> = [].values()
  let returned = false

  const iterator: AsyncIterableIterator<Out> = {
    async next() {
      for (;;) {
        if (returned) return { value: undefined, done: true }
        const { value, done } = rest.next()
        if (!done) return { value, done: false }
        const next = await source.next()
        if (next.done) return { value: undefined, done: true }
        rest = (await expand(next.value))[Symbol.iterator]()
      }
    },
    async return() {
      returned = true
      await source.return?.()
      return { value: undefined, done: true }
    },
    [Symbol.asyncIterator]: () => iterator,
  }
  return iterator
}
