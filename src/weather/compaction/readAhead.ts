/** What `read` makes of each item, in order; up to `most` are being read before they are asked for. */
export async function* readAhead<Item, Result>(
  items: readonly Item[],
  most: number,
  read: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const reading: Promise<Result>[] = []
  const begin = (item: Item) => {
    const result = read(item)
    // Its failure is told when it is its turn, or never where nobody asks any more.
    result.catch(() => {})
    reading.push(result)
  }
  for (const item of items) {
    begin(item)
    if (reading.length > most) yield await reading.shift()!
  }
  for (const result of reading) yield await result
}
