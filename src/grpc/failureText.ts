import type { Logger } from 'pino'
import { MillraceError } from '../errors.ts'

/**
 * What a client is told of an error: the message, then what to do about it. An error that nobody foresaw is logged whole and shown
 * without detail.
 */
export function failureText(error: unknown, log: Pick<Logger, 'error'>): string {
  if (error instanceof MillraceError && error.code !== 'INTERNAL') return withHint(error.message, error.hint)
  log.error({ err: error }, 'an error that nobody foresaw')
  return withHint('Something went wrong inside the server.', "The server's log has the details.")
}

export function withHint(message: string, hint: string | null | undefined): string {
  return hint ? `${message} ${hint}` : message
}
