import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { attachCluster } from './cluster.ts'

/**
 * Starts a process that destroys the cluster in `folder` as soon as the present process ends: after Ctrl-C, and also
 * after a kill -9, which no handler of our own would see. It notices by the end of a pipe that only we hold open.
 * Returns what ends the guard early; it then finds nothing left to do.
 */
export async function guardCluster(folder: string): Promise<() => void> {
  const guard = spawn(process.execPath, [import.meta.filename, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await once(guard, 'spawn')
  guard.unref()
  const pipe = guard.stdin
  if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  return () => pipe.end()
}

if (import.meta.main) {
  process.stdin.resume()
  await once(process.stdin, 'close')
  const cluster = await attachCluster(process.argv[2]!)
  await cluster?.destroy()
}
