/** Which rows of a column are null: nothing is held until the first one is. */
export function nullMap() {
  let bits = new Uint8Array(0)
  let count = 0
  const mark = (row: number) => {
    if (row >> 3 >= bits.length) {
      const larger = new Uint8Array(Math.max(64, (row >> 3) * 2))
      larger.set(bits)
      bits = larger
    }
    bits[row >> 3]! |= 1 << (row & 7)
    count++
  }
  return {
    mark,
    /** Row `firstRow` is the one at order[from], and so on. */
    markAll(isNull: Uint8Array, order: Int32Array, from: number, to: number, firstRow: number) {
      for (let next = from; next < to; next++) if (isNull[order[next]!] === 1) mark(firstRow + next - from)
    },
    bytes: () => bits.length,
    /** One bit a row, 1 where there is a value; no bits where all have one. */
    take(rows: number): { nulls: number; validity?: Uint8Array } {
      const nulls = count
      const marked = bits
      bits = new Uint8Array(0)
      count = 0
      if (nulls === 0) return { nulls }
      const validity = new Uint8Array(Math.ceil(rows / 8)).map((_, index) => ~(marked[index] ?? 0))
      return { nulls, validity }
    },
  }
}
