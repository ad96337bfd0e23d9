import type { Call } from '../../src/datasources/call.ts'
import { parseTemporaryName } from '../../src/datasources/publish.ts'
import type { Source, TableQuery } from '../../src/datasources/source.ts'
import type { Content, Storage } from '../../src/datasources/storage.ts'
import { nameOf } from '../../src/datasources/storagePath.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import type { Moment } from './crashPoints.ts'

/** Told of each moment before the program goes on; `temporary` is the path of the one that is being written. */
export type Reach = (moment: Moment, temporary?: string) => Promise<void>

/** The source, telling what it is asked. */
export function watchedSource(source: Source, reach: Reach): Source {
  return {
    ...source,
    async ping(call) {
      await reach('ping')
      return source.ping(call)
    },
    rows: (query, call) => watchedBatches(source.rows(query, call), reach),
    ...(source.wireRows && {
      wireRows: (query: TableQuery, call?: Call) => watchedBatches(source.wireRows!(query, call), reach),
    }),
  }
}

async function* watchedBatches<Batch>(batches: AsyncIterable<Batch>, reach: Reach): AsyncGenerator<Batch> {
  await reach('rows')
  for await (const batch of batches) {
    yield batch
    await reach('batch taken')
  }
}

/** The storage, telling what it is asked; of its lease a migration asks beside the work, and at no time of its own. */
export function watchedStorage(storage: Storage, reach: Reach): Storage {
  return {
    ...storage,
    async list(folder, call) {
      if (!isLease(folder)) await reach('list')
      return storage.list(folder, call)
    },
    async read(path, range, call) {
      const bytes = await storage.read(path, range, call)
      if (isLease(path)) return bytes
      await reach(path === LOANS_PATH ? 'main file read' : 'partition read')
      return bytes
    },
    async create(path, content, layout, call) {
      if (isLease(path)) return await storage.create(path, content, layout, call)
      await reach('create', path)
      await storage.create(path, watchedContent(content, path, reach), layout, call)
    },
    async stat(path, call) {
      if (parseTemporaryName(nameOf(path)) && !isLease(path)) await reach('stat', path)
      return storage.stat(path, call)
    },
    async rename(from, to, call) {
      if (isLease(to)) return await storage.rename(from, to, call)
      await reach('rename', from)
      await storage.rename(from, to, call)
      await reach('renamed')
    },
  }
}

function isLease(path: string): boolean {
  return path.startsWith('/.millrace/')
}

async function* watchedContent(content: Content, path: string, reach: Reach): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    yield chunk
    await reach('chunk taken', path)
  }
  await reach('content taken', path)
}
