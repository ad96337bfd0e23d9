import { Agent, type Dispatcher, request } from 'undici'
import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import type { Inbox } from './inbox.ts'

export interface HttpInboxOptions {
  /** http: or https:, with user:password@ where the server wants basic authentication; paths are put behind its own. */
  url: string
  deadlines?: Partial<HttpInboxDeadlines>
}

export interface HttpInboxDeadlines {
  connectMillis: number
  /** From the question to the head of the answer. */
  headMillis: number
  /** Between two chunks. */
  silenceMillis: number
}

const DEADLINES: HttpInboxDeadlines = { connectMillis: 5_000, headMillis: 20_000, silenceMillis: 30_000 }

/** Files of a web server, by GET and HEAD. Redirects are not followed: the credentials would go to whom they name. */
export function httpInbox({ url, deadlines: changed }: HttpInboxOptions): Inbox {
  const { connectMillis, headMillis, silenceMillis } = { ...DEADLINES, ...changed }
  const { base, shown, headers } = partsOf(url)
  const dispatcher = new Agent({
    connect: { timeout: connectMillis },
    headersTimeout: headMillis,
    bodyTimeout: silenceMillis,
  })

  async function ask(method: 'GET' | 'HEAD', path: string, { signal }: Call): Promise<Dispatcher.ResponseData> {
    signal?.throwIfAborted()
    const answer = await told(
      request(new URL(path, base), { method, headers, dispatcher, signal: signal ?? null }),
      path,
      signal,
    )
    if (answer.statusCode === 200) return answer
    await answer.body.dump().catch(() => {})
    throw refusal(answer.statusCode, shown + path)
  }

  async function told<T>(work: Promise<T>, path: string, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await work
    } catch (error) {
      throw unavailable(error, path, signal)
    }
  }

  function unavailable(error: unknown, path: string, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason
    const reason = error instanceof Error ? error.message : String(error)
    return new MillraceError('UNAVAILABLE', `Expected the file ${shown}${path}, but it could not be had: ${reason}.`, {
      hint: 'Try again when the server answers.',
      cause: error,
    })
  }

  return {
    kind: 'http',
    url: shown,
    async stat(path, call = {}) {
      const { headers, body } = await ask('HEAD', path, call)
      await body.dump()
      const length = headers['content-length']
      return { length: typeof length === 'string' ? Number(length) : null }
    },
    async *read(path, call = {}) {
      const { body } = await ask('GET', path, call)
      const chunks = body[Symbol.asyncIterator]()
      try {
        for (;;) {
          const next = await told(chunks.next() as Promise<IteratorResult<Uint8Array>>, path, call.signal)
          if (next.done) return
          yield next.value
        }
      } finally {
        body.on('error', () => {}).destroy()
      }
    },
    close: () => dispatcher.destroy(),
  }
}

/** The address to ask, the one to show, and the credentials apart from both. */
function partsOf(text: string): { base: URL; shown: string; headers: Record<string, string> } {
  const base = new URL(text.endsWith('/') ? text : `${text}/`)
  const user = decodeURIComponent(base.username)
  const password = decodeURIComponent(base.password)
  base.username = ''
  base.password = ''
  const basic = Buffer.from(`${user}:${password}`).toString('base64')
  return { base, shown: base.href, headers: user === '' ? {} : { authorization: `Basic ${basic}` } }
}

function refusal(status: number, url: string): MillraceError {
  if (status === 404 || status === 410) {
    return new MillraceError('NOT_FOUND', `Expected a file at ${url}, the server says there is none (${status}).`)
  }
  const message = `Expected the file ${url}, but the server answered with status ${status}.`
  if (status === 401 || status === 403) {
    return new MillraceError('FORBIDDEN', message, { hint: 'Put the right user:password@ into the URL.' })
  }
  return new MillraceError('UNAVAILABLE', message, { hint: 'Try again when the server serves the file itself.' })
}
