/** `work`, or the signal's reason as soon as it is aborted; the work itself goes on, for others who wait for it. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Waits, or throws the signal's reason as soon as it is aborted. */
export async function pause(millis: number, signal: AbortSignal | undefined): Promise<void> {
  const over = Promise.withResolvers<void>()
  const timer = setTimeout(over.resolve, millis)
  try {
    await abortable(over.promise, signal)
  } finally {
    clearTimeout(timer)
  }
}

/** The same chunks, but a signal ends the wait for the next one. A source that is busy then is told to stop, not waited for. */
export async function* abortableChunks<T>(
  chunks: Iterable<T> | AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  let busy = true
  try {
    for (;;) {
      busy = true
      const next = await abortable(Promise.resolve(iterator.next()), signal)
      busy = false
      if (next.done) return
      yield next.value
    }
  } finally {
    const ended = Promise.resolve(iterator.return?.()).catch(() => {})
    if (!busy) await ended
  }
}
