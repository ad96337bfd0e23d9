import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { duckdbEngine } from '../../src/datasources/duckdbEngine.ts'
import type { Engine } from '../../src/datasources/engine.ts'
import { withLocalReads } from '../../src/datasources/localReads.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import { MillraceError } from '../../src/errors.ts'
import { collect, testEngine } from '../contract/engine.ts'

const made: string[] = []
afterAll(() => Promise.all(made.map(folder => rm(folder, { recursive: true, force: true }))))

/** Of one storage, as a cluster and the server are. */
async function twoEngines() {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-local-reads-'))
  made.push(folder)
  const directory = join(folder, 'storage')
  const storage = localStorage({ folder: directory })
  const publisher = createPublisher(storage, 'test')
  const open = (name: string) =>
    duckdbEngine({ storage, directory, publisher, workFolder: join(folder, `work-${name}`) })
  return { storage, cluster: open('cluster'), local: open('local') }
}

testEngine('an engine that has what it wrote read by another', async () => {
  const { storage, cluster, local } = await twoEngines()
  return { storage, engine: withLocalReads(cluster, local) }
})

test('leaves no session open here where the cluster opens none', async () => {
  const { cluster, local } = await twoEngines()
  const gone = new MillraceError('UNAVAILABLE', 'no cluster')
  let closed = 0
  const here: Engine = {
    ...local,
    async open(call) {
      const session = await local.open(call)
      return {
        ...session,
        async close() {
          await session.close()
          closed += 1
        },
      }
    },
  }
  await expect(withLocalReads({ ...cluster, open: () => Promise.reject(gone) }, here).open()).rejects.toBe(gone)
  expect(closed).toBe(1)
  await Promise.all([cluster.close(), local.close()])
})

test('reads as much as it may here, and leaves more to the cluster', async () => {
  const { cluster, local } = await twoEngines()
  const readers: string[] = []
  const watched = (engine: Engine, name: string): Engine => ({
    ...engine,
    async open(call) {
      const session = await engine.open(call)
      return {
        ...session,
        read(files, call) {
          readers.push(name)
          return session.read(files, call)
        },
      }
    },
  })
  const written = await (await cluster.open()).write('SELECT 1 AS a', '/written')
  const { length } = written.files[0]!
  for (const mostBytes of [length, length - 1]) {
    const engine = withLocalReads(watched(cluster, 'cluster'), watched(local, 'here'), mostBytes)
    const session = await engine.open()
    expect(await collect(await session.read(written.files))).toEqual([[1]])
    await session.close()
  }
  expect(readers).toEqual(['here', 'cluster'])
  await Promise.all([cluster.close(), local.close()])
})
