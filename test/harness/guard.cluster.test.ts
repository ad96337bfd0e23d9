import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'vitest'
import { attachCluster } from '../../harness/cluster.ts'
import { identify, processState } from '../../harness/process.ts'
import { waitUntil } from '../../harness/wait.ts'

const CLUSTER_MODULE = join(import.meta.dirname, '..', '..', 'harness', 'cluster.ts')

test('a throwaway cluster is gone soon after the process that started it was killed with -9', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-guard-'))
  const program = `
    const { startCluster } = await import(${JSON.stringify(CLUSTER_MODULE)})
    await startCluster({ folder: ${JSON.stringify(folder)}, services: ['mysql'], throwaway: true })
    console.log('up')
    setInterval(() => {}, 1000)`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(createInterface(owner.stdout), 'line')
  const [mysql] = (await attachCluster(folder))!.status()
  const identity = identify(mysql!.pid!)

  owner.kill('SIGKILL')
  const gone = () => processState(identity) === 'gone' && !existsSync(folder)
  await waitUntil({ description: 'the guard to destroy the cluster', timeoutMillis: 30_000 }, gone)
})
