import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/**
 * Starts a process that destroys the cluster in `folder` as soon as the present process ends: after Ctrl-C, and also
 * after a kill -9, which no handler of our own would see. It notices by the end of a pipe that only we hold open.
 * Returns what ends the guard early; call it when there is nothing left to destroy.
 */
export async function guardCluster(folder: string): Promise<() => void> {
  const program = join(import.meta.dirname, 'guardProcess.ts')
  const guard = spawn(process.execPath, [program, folder], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  await once(guard, 'spawn')
  guard.unref()
  return () => guard.stdin.end()
}
