import type { z } from 'zod'
import { shownValue } from '../../shownValue.ts'
import type { Unreadable } from './chunk.ts'

/** Longer than any of ours. */
const MOST_BYTES = 1024 * 1024

export function encodeJson(value: object): Buffer {
  return Buffer.from(JSON.stringify(value))
}

/** The value that the schema makes of a record, or why there is none. Never throws. */
export function decodeJson<T>(schema: z.ZodType<T>, value: Uint8Array | null): T | Unreadable {
  if (value === null) return { problem: 'there is no value' }
  if (value.length > MOST_BYTES) return { problem: `there are ${value.length} bytes` }
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8'))
  } catch {
    return { problem: 'the value is no JSON' }
  }
  const { data, error } = schema.safeParse(json)
  if (!error) return data
  const { path, message } = error.issues[0]!
  return { problem: `${path.length > 0 ? `the field ${shownValue(path.join('.'))}` : 'the value'}: ${message}` }
}
