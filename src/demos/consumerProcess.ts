import type { Environment } from '../config.ts'
import { startMillrace } from './millraceProcess.ts'

/** A command that goes on until Ctrl-C, such as `millrace weather consume 3`, as a process of its own. */
export interface ConsumerProcess {
  readonly pid: number
  /** What it said last, where it has ended by itself. */
  failure(): string | undefined
  /** kill -9. */
  kill(): Promise<void>
  /** Ctrl-C. */
  stop(): Promise<void>
}

export function startConsumer(words: readonly string[], environment: Environment): ConsumerProcess {
  const { child, output, ended } = startMillrace(words, environment)
  let failure: string | undefined
  let toldToEnd = false
  void ended.then(() => {
    if (!toldToEnd) failure = output()
  })

  async function end(signal: NodeJS.Signals): Promise<void> {
    toldToEnd = true
    child.kill(signal)
    await ended
  }

  return { pid: child.pid ?? 0, failure: () => failure, kill: () => end('SIGKILL'), stop: () => end('SIGINT') }
}
