/** A growing array of whole numbers of up to 32 bits, in as few bytes each as the largest needs so far. */
export interface CompactIntegers {
  /** Makes room for `length` numbers. */
  reserve(length: number): void
  /** False, and nothing is stored, for what is no whole number of 32 bits; -0 is none either. */
  put(at: number, value: unknown): boolean
  get(at: number): number
  bytes(): number
  /** The first `length` numbers. */
  take(length: number): { values: Uint8Array; compact: 1 | 2 | 4 }
}

export function compactIntegers(): CompactIntegers {
  let array: Int8Array | Int16Array | Int32Array = new Int8Array(0)

  return {
    reserve(length) {
      if (length <= array.length) return
      // Half again rather than twice: seventy counties of a hundred columns each hold one.
      const larger = new (array.constructor as Int8ArrayConstructor)(
        Math.max(64, length, Math.ceil(array.length * 1.5)),
      )
      larger.set(array)
      array = larger
    },
    put(at, value) {
      if (typeof value !== 'number' || (value | 0) !== value || Object.is(value, -0)) return false
      array[at] = value
      if (array[at] === value) return true
      array = value >= -32_768 && value <= 32_767 ? Int16Array.from(array) : Int32Array.from(array)
      array[at] = value
      return true
    },
    get: at => array[at]!,
    bytes: () => array.byteLength,
    take(length) {
      const taken = array.slice(0, length)
      return { values: new Uint8Array(taken.buffer), compact: taken.BYTES_PER_ELEMENT as 1 | 2 | 4 }
    },
  }
}
