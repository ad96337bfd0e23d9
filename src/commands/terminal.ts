import type { Environment } from '../config.ts'

/** What a command line program is given by whoever runs it; tests give their own. */
export interface Terminal {
  stdout: Output
  stderr: Output
  environment: Environment
  /** The folder of .env, and of relative paths. */
  folder: string
  /** Aborted by Ctrl-C and SIGTERM; the reason is a StoppedBySignal. */
  signal: AbortSignal
}

/** The part of a stream that commands use. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

/** Why a command ended early: the shell expects 128 + the number of the signal as exit code. */
export class StoppedBySignal extends Error {
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`stopped by ${signal}`)
    this.name = 'StoppedBySignal'
    this.exitCode = signal === 'SIGINT' ? 130 : 143
  }
}

/** The terminal of this process. A second Ctrl-C ends it at once. */
export function processTerminal(): Terminal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort(new StoppedBySignal(signal)))
  }
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endQuietlyWithoutReader)
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    folder: process.cwd(),
    signal: controller.signal,
  }
}

/** As in `millrace jobs | head -1`: nobody wants the rest. */
function endQuietlyWithoutReader(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
