import type { IncomingMessage } from 'node:http'
import { MillraceError } from '../errors.ts'

/** Of a body that is too large, this much is read and dropped, so that most clients live to see the answer. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024

/** An error that has an HTTP status of its own. */
export class HttpError extends MillraceError {
  readonly status: number

  constructor(status: number, message: string, hint: string) {
    super('BAD_USER_INPUT', message, { hint })
    this.status = status
  }
}

/** The JSON of a request's body. HttpError 413, 415 or 400. */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const bytes = await readBytes(request, maxBytes)
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json *(;|$)/i.test(type)) {
    throw new HttpError(
      415,
      `Expected content-type application/json, but got ${type === '' ? 'none' : JSON.stringify(type)}.`,
      'Send {"query": "..."} as JSON.',
    )
  }
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw new HttpError(400, 'Expected a body of JSON, but got something else.', 'Send {"query": "..."} as JSON.')
  }
}

/** By events: to iterate over a request costs more than all else of reading a small one. */
function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      if (length <= MAX_DISCARDED_BYTES + maxBytes) return
      request.pause()
      reject(tooLong(maxBytes))
    })
    request.once('end', () => {
      if (length <= maxBytes) resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length))
      else reject(tooLong(maxBytes))
    })
    request.once('error', () => reject(brokeOff(length)))
  })
}

function tooLong(maxBytes: number): HttpError {
  return new HttpError(
    413,
    `Expected a body of at most ${maxBytes} bytes, but got more.`,
    'Send a shorter operation. The server sets the limit with MILLRACE_MAX_BODY_BYTES.',
  )
}

/** Nobody is left to read this, but the log stays free of an error that nobody foresaw. */
function brokeOff(length: number): HttpError {
  return new HttpError(400, `Expected a whole body, but it broke off after ${length} bytes.`, 'Send it again.')
}
