import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../config.ts'

/** A command in a process of its own, to be killed. */
export interface MillraceProcess {
  child: ChildProcess
  /** The end of what it printed. */
  output: () => string
  /** By itself with a code, or by a signal. */
  ended: Promise<[code: number | null, signal: NodeJS.Signals | null]>
}

const MOST_OUTPUT = 2_000

export function startMillrace(words: readonly string[], environment: Environment): MillraceProcess {
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
  // In the demo's own process group: Ctrl-C on the terminal ends both, also where it comes twice.
  const child = spawn(process.execPath, [cli, ...words], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-MOST_OUTPUT)
    })
  }
  const ended = once(child, 'close') as MillraceProcess['ended']
  return { child, output: () => output.trim(), ended }
}
