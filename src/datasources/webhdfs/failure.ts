/**
 * How a connection failed:
 * - refused: nothing listens there, or the host is unknown. Costs nothing to find out.
 * - unreachable: no connection within its deadline. Nothing was sent.
 * - silent: connected, but no answer, or no more of it, within its deadline. The request may still be carried out.
 * - hung: silent, and silent to all probes too (liveness.ts). The request may still be carried out.
 * - reset: the connection broke. The request may or may not have been carried out.
 */
export type Failure = 'refused' | 'unreachable' | 'silent' | 'hung' | 'reset'

const FAILURES: Readonly<Record<string, Failure>> = {
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EADDRNOTAVAIL: 'refused',
  ENOTFOUND: 'refused',
  EAI_AGAIN: 'refused',
  UND_ERR_CONNECT_TIMEOUT: 'unreachable',
  ETIMEDOUT: 'unreachable',
  UND_ERR_HEADERS_TIMEOUT: 'silent',
  UND_ERR_BODY_TIMEOUT: 'silent',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
}

/** The failure behind an error of undici or node:http; undefined for an error that is no failure of a connection. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof ConnectionFailure) return error.failure
  if (!(error instanceof Error)) return undefined
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return FAILURES[code] ?? (code.startsWith('HPE_') || error.name === 'HTTPParserError' ? 'reset' : undefined)
}

/** A failure that our own deadlines found. */
export class ConnectionFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure, message: string) {
    super(message)
    this.name = 'ConnectionFailure'
    this.failure = failure
  }
}

const WORDS: Readonly<Record<Failure, string>> = {
  refused: 'refused the connection',
  unreachable: 'could not be reached in time',
  silent: 'did not answer in time',
  hung: 'hangs: it answers nothing at all',
  reset: 'broke the connection',
}

/** "127.0.0.1:9864 refused the connection" */
export function describeFailure(host: string, failure: Failure): string {
  return `${host} ${WORDS[failure]}`
}
