import type { Environment } from '../config.ts'
import { startMillrace } from './millraceProcess.ts'

/** `millrace weather consume <partition>` as a process of its own. */
export interface ConsumerProcess {
  readonly pid: number
  /** What it said last, where it has ended by itself. */
  failure(): string | undefined
  /** kill -9. */
  kill(): Promise<void>
  /** Ctrl-C. */
  stop(): Promise<void>
}

export function startConsumer(partition: number, environment: Environment): ConsumerProcess {
  const { child, output, ended } = startMillrace(['weather', 'consume', String(partition)], environment)
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
