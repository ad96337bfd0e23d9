import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../config.ts'

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

const MOST_OUTPUT = 2_000

export function startConsumer(partition: number, environment: Environment): ConsumerProcess {
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
  const child = spawn(process.execPath, [cli, 'weather', 'consume', String(partition)], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C on the terminal is for the demo, which stops its children in their order.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-MOST_OUTPUT)
    })
  }
  let failure: string | undefined
  let toldToEnd = false
  const ended = once(child, 'close').then(() => {
    if (!toldToEnd) failure = output.trim()
  })

  async function end(signal: NodeJS.Signals): Promise<void> {
    toldToEnd = true
    child.kill(signal)
    await ended
  }

  return { pid: child.pid ?? 0, failure: () => failure, kill: () => end('SIGKILL'), stop: () => end('SIGINT') }
}
