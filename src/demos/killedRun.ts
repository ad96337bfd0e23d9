import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Environment } from '../config.ts'
import { MillraceError } from '../errors.ts'
import { startMillrace } from './millraceProcess.ts'

const LOOK_MILLIS = 5

/** `millrace warehouse run <date>` as a process of its own, killed with -9 as soon as `file` is there. */
export async function killRunAt(
  date: string,
  file: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<void> {
  const { child, output, ended } = startMillrace(['warehouse', 'run', date], environment)
  try {
    while (!existsSync(file) && child.exitCode === null) await pause(LOOK_MILLIS, undefined, { signal })
  } finally {
    child.kill('SIGKILL')
  }
  const [, killedBy] = await ended
  if (killedBy === 'SIGKILL') return
  throw new MillraceError(
    'INTERNAL',
    `Expected the run of ${date} to be killed in the middle, but it ended: ${output()}`,
  )
}
