import { readFile } from 'node:fs/promises'
import { MillraceError } from '../errors.ts'
import type { FilesSettings } from './settings.ts'
import { createSeal, SEAL_KEY_BYTES, type Seal } from './wire/seal.ts'

/** Longer than a key in any form: what is longer is another file. */
const MOST_FILE_BYTES = 1_024

/** A key of 32 bytes in base64 (of either alphabet) or hexadecimal; undefined for anything else. */
export function parseSealKey(text: string): Uint8Array | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === SEAL_KEY_BYTES ? bytes : undefined
}

/** What chunks are sealed with, by the settings; null where they are not. BAD_USER_INPUT for a key file that has none. */
export async function openSeal({ key, keyFile }: Pick<FilesSettings, 'key' | 'keyFile'>): Promise<Seal | null> {
  if (key) return createSeal(key)
  if (keyFile === null) return null
  let bytes: Buffer
  try {
    bytes = await readFile(keyFile)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new MillraceError('BAD_USER_INPUT', `Expected a key in ${keyFile}, but it cannot be read (${code}).`, {
      hint: 'Correct MILLRACE_FILES_KEY_FILE, or let this user read the file.',
      cause,
    })
  }
  const found = bytes.length > MOST_FILE_BYTES ? undefined : parseSealKey(bytes.toString('latin1').trim())
  const raw = found ?? (bytes.length === SEAL_KEY_BYTES ? bytes : undefined)
  if (raw) return createSeal(raw)
  throw new MillraceError(
    'BAD_USER_INPUT',
    `Expected a key of ${SEAL_KEY_BYTES} bytes in ${keyFile}, raw, in base64 or in hexadecimal, but its ${bytes.length} bytes are none.`,
    { hint: 'Make one with: openssl rand -base64 32' },
  )
}
