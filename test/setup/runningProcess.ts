import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'

export interface RunningProcess {
  child: ChildProcess
  stdout(): string
  /** Both streams together, as they came. */
  output(): string
  /** Waits until the output has the text; throws where the process ends without, or a minute has passed. */
  shows(text: string): Promise<void>
  /** The exit code, when all output has been read. */
  ended: Promise<number | null>
}

const SHOWS_WITHIN_MILLIS = 60_000

/** Starts a program with this environment and nothing else of ours. */
export function startProcess(
  command: string,
  parameters: readonly string[],
  environment: Record<string, string | undefined>,
): RunningProcess {
  const child = spawn(command, parameters, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let stdout = ''
  let changed = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString()
      if (stream === child.stdout) stdout += data.toString()
      changed.resolve()
      changed = Promise.withResolvers()
    })
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    stdout: () => stdout,
    output: () => output,
    ended,
    async shows(text) {
      let over = false
      const end = () => {
        over = true
        changed.resolve()
      }
      const timer = setTimeout(end, SHOWS_WITHIN_MILLIS)
      void ended.then(end)
      try {
        while (!output.includes(text)) {
          if (over) throw new Error(`expected ${JSON.stringify(text)} in the output, got ${JSON.stringify(output)}`)
          await changed.promise
        }
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
