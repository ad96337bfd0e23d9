import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { waitUntil } from '../../harness/wait.ts'
import type { ReceiverFault, ReceiverPlan } from './receiverProcess.ts'

const PROGRAM = join(import.meta.dirname, 'receiverProcess.ts')
const WAIT_MILLIS = 60_000

/** A receiver in a process of its own, to be killed and stopped. */
export interface ReceiverProcess {
  readonly child: ChildProcess
  readonly machine: string
  /** That it has, as it said last. */
  partitions(): number[]
  /** What it has printed, with the time of each line in milliseconds as performance.now() counts. */
  readonly lines: { text: string; atMillis: number }[]
  /** Has it kill or stop itself, or not any more. */
  arm: (fault: ReceiverFault | null) => Promise<void>
  /** Waits until a line begins so; of those after the first `from` lines. */
  says: (start: string, options?: { from?: number; timeoutMillis?: number }) => Promise<void>
  /** As Ctrl-C would. Throws where it does not end well. */
  end(): Promise<void>
  kill(): Promise<void>
}

export function startReceiverProcess(plan: ReceiverPlan): ReceiverProcess {
  const child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines: ReceiverProcess['lines'] = []
  createInterface({ input: child.stdout }).on('line', text => lines.push({ text, atMillis: performance.now() }))
  const exited = once(child, 'exit')
  const { machine } = plan

  async function says(start: string, { from = 0, timeoutMillis = WAIT_MILLIS } = {}): Promise<void> {
    const shown = () => lines.slice(-5).map(({ text }) => text)
    await waitUntil(
      {
        description: `${machine} to say "${start}"`,
        timeoutMillis,
        pollMillis: 20,
        detail: () => shown().join('\n').slice(0, 2_000),
      },
      () => lines.slice(from).some(({ text }) => text.startsWith(start)),
    )
  }

  return {
    child,
    machine,
    lines,
    partitions() {
      const last = lines.findLast(({ text }) => text.startsWith('partitions '))?.text ?? ''
      const [, numbers = ''] = /^partitions ([\d,]+);/.exec(last) ?? []
      return numbers === '' ? [] : numbers.split(',').map(Number)
    },
    async arm(fault) {
      const said = lines.length
      child.stdin.write(`${JSON.stringify(fault)}\n`)
      await says(`armed for ${fault?.step ?? 'nothing'}`, { from: said })
    },
    says,
    async end() {
      child.kill('SIGTERM')
      await exited
      const last = lines.at(-1)?.text
      if (!last?.startsWith('ended')) throw new Error(`expected ${machine} to end well, it said: ${last}`)
    },
    async kill() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await exited
    },
  }
}
