import { createHash, type Hash } from 'node:crypto'

/** SHA-256 of a block, as its bytes come by. */
export interface BlockDigest {
  update(bytes: Uint8Array): void
  /** In hexadecimal; nothing may follow. */
  end(): string
}

/** SHA-256 of a file and of its blocks, from one look at each byte. */
export interface FileDigest {
  /** The next block. End it before the one behind it begins. */
  block(): BlockDigest
  /** Bytes of a block whose own digest nobody asks for. */
  skip(bytes: Uint8Array): void
  /** In hexadecimal, of all bytes so far. */
  soFar(): string
}

export function createFileDigest(): FileDigest {
  let whole: Hash | undefined
  return {
    block() {
      const digest = createHash('sha256')
      return {
        update(bytes) {
          digest.update(bytes)
          whole?.update(bytes)
        },
        end() {
          // Up to the end of the first block both are the same, and a file of one block is hashed once.
          whole ??= digest.copy()
          return digest.digest('hex')
        },
      }
    },
    skip(bytes) {
      whole ??= createHash('sha256')
      whole.update(bytes)
    },
    soFar: () => (whole ? whole.copy() : createHash('sha256')).digest('hex'),
  }
}

/** For blocks that are sent out of turn. */
export function createBlockDigest(): BlockDigest {
  const digest = createHash('sha256')
  return { update: bytes => void digest.update(bytes), end: () => digest.digest('hex') }
}
