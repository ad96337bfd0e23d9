import type { z } from 'zod'
import { hasCode } from '../errors.ts'
import type { Call } from './call.ts'
import type { Storage } from './storage.ts'

/** Longer than any of ours: what is longer is not ours. */
const MOST_BYTES = 64 * 1024

/**
 * A small file that is worth having but not needed: undefined where it is missing, torn, of another shape or without a live replica. Throws
 * UNAVAILABLE where the storage does not answer, because then it may be there.
 */
export async function readJson<T>(
  storage: Storage,
  path: string,
  schema: z.ZodType<T>,
  call: Call,
): Promise<T | undefined> {
  try {
    const { kind, length } = await storage.stat(path, call)
    if (kind !== 'file' || length > MOST_BYTES) return undefined
    const text = Buffer.from(await storage.read(path, { offset: 0, length }, call)).toString('utf8')
    return schema.safeParse(JSON.parse(text)).data
  } catch (error) {
    if (error instanceof SyntaxError || hasCode(error, 'NOT_FOUND', 'DATA_LOST')) return undefined
    throw error
  }
}

export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}
