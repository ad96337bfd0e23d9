/** Gives the memory of arrays back at once. Until V8 collects them it may hold a hundred megabytes: it does not know how large they are. */
export function free(views: Iterable<ArrayBufferView<ArrayBufferLike>>): void {
  for (const { buffer } of views) if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0)
}
