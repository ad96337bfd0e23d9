import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { MillraceError } from '../../errors.ts'
import { type Chunk, chunkHeaders } from './chunk.ts'

/**
 * Encrypts and authenticates chunks (AES-256-GCM). A sealed chunk is a nonce of 12 bytes, the ciphertext and a tag of 16 bytes. All its headers are
 * authenticated with it, so that no chunk can be changed, moved to another place, file or attempt, or be given another digest.
 *
 * Nonces are random: with one key send no more than 2^32 chunks, which are four petabytes.
 */
export interface Seal {
  close(chunk: Chunk, encoded: Uint8Array): Buffer
  /** DATA_LOST for another key, and for a chunk that was changed. */
  open(chunk: Chunk, sealed: Uint8Array): Buffer
}

export const SEAL_KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** @param key 32 bytes. */
export function createSeal(key: Uint8Array): Seal {
  return {
    close(chunk, encoded) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(authenticated(chunk))
      return Buffer.concat([nonce, cipher.update(encoded), cipher.final(), cipher.getAuthTag()])
    },

    open(chunk, sealed) {
      if (sealed.length < NONCE_BYTES + TAG_BYTES) throw notAuthentic(chunk)
      const nonce = sealed.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(authenticated(chunk))
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
      const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES))
      try {
        decipher.final()
      } catch (cause) {
        throw notAuthentic(chunk, cause)
      }
      return plain
    },
  }
}

/** Names and values, so that no two sets of headers look alike. */
function authenticated(chunk: Chunk): Buffer {
  return Buffer.from(
    JSON.stringify(chunkHeaders(chunk).map(({ name, value }) => [name, Buffer.from(value).toString('utf8')])),
  )
}

function notAuthentic({ file, block, index }: Chunk, cause?: unknown): MillraceError {
  return new MillraceError(
    'DATA_LOST',
    `Expected chunk ${index} of block ${block} of ${JSON.stringify(file)} to be sealed with our key, but it is not: it was changed on its way, or sealed with another key.`,
    { hint: 'Give the sender and all receivers the same key in MILLRACE_FILES_KEY or MILLRACE_FILES_KEY_FILE.', cause },
  )
}
