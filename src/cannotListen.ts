import { MillraceError } from './errors.ts'

export interface WantedPort {
  host: string
  port: number
  /** The environment variable that sets the port. */
  variable: string
}

/** Why a server could not have its port: CONFLICT where another program has it, BAD_USER_INPUT for a host or port that cannot be. */
export function cannotListen({ host, port, variable }: WantedPort, error: Error): MillraceError {
  // Some libraries keep nothing but the message of what Node threw.
  if (error.message.includes('EADDRINUSE')) {
    return new MillraceError(
      'CONFLICT',
      `Expected port ${port} of ${host} to be free, but another program listens there.`,
      { hint: `Stop it, or set ${variable} to another port; 0 takes any free one.`, cause: error },
    )
  }
  return new MillraceError('BAD_USER_INPUT', `Cannot listen on port ${port} of ${host}: ${error.message}.`, {
    hint: `Check MILLRACE_HOST and ${variable}.`,
    cause: error,
  })
}
