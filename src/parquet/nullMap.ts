/** Which rows of a column are null, one bit each: nothing is held until the first one is. */
export function nullMap() {
  let bits = new Uint8Array(0)
  let count = 0
  return {
    mark(row: number) {
      if (row >> 3 >= bits.length) {
        const larger = new Uint8Array(Math.max(64, (row >> 3) * 2))
        larger.set(bits)
        bits = larger
      }
      bits[row >> 3]! |= 1 << (row & 7)
      count++
    },
    has: (row: number) => row >> 3 < bits.length && ((bits[row >> 3]! >> (row & 7)) & 1) === 1,
    bytes: () => bits.length,
    take(rows: number): { nulls: number; isNull?: Uint8Array } {
      const nulls = count
      const isNull = new Uint8Array(Math.ceil(rows / 8))
      isNull.set(bits.subarray(0, isNull.length))
      bits = new Uint8Array(0)
      count = 0
      return nulls === 0 ? { nulls } : { nulls, isNull }
    },
  }
}
