import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../config.ts'
import { MillraceError } from '../errors.ts'

const LOOK_MILLIS = 5
const MOST_OUTPUT = 2_000

/** `millrace warehouse run <date>` as a process of its own, killed with -9 as soon as `file` is there. */
export async function killRunAt(
  date: string,
  file: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<void> {
  const cli = fileURLToPath(new URL('../cli.js', import.meta.url))
  const child = spawn(process.execPath, [cli, 'warehouse', 'run', date], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C on the terminal is for the demo.
    detached: true,
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      output = (output + text.toString()).slice(-MOST_OUTPUT)
    })
  }
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  try {
    while (!existsSync(file) && child.exitCode === null) await pause(LOOK_MILLIS, undefined, { signal })
  } finally {
    child.kill('SIGKILL')
  }
  const [, killedBy] = await ended
  if (killedBy === 'SIGKILL') return
  throw new MillraceError('INTERNAL', `Expected the run of ${date} to be killed in the middle, but it ended: ${output}`)
}
