import type { Content, Storage } from '../../../src/datasources/storage.ts'
import { MillraceError } from '../../../src/errors.ts'
import type { Disk } from './disk.ts'
import type { Host } from './host.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

/** What goes wrong with files beyond what goes wrong with requests. Probabilities of one call. */
export interface StorageFaults {
  /** A create that fails, leaving a part of the file, and of those some run again to the end, later. */
  brokenCreate: number
  /** A create that answers well but kept less than it was given. */
  shortCreate: number
  /** A read for which no replica is alive now. */
  lostRead: number
}

export const NO_STORAGE_FAULTS: StorageFaults = { brokenCreate: 0, shortCreate: 0, lostRead: 0 }

/** A storage as one process sees it over a bad network. */
export function hostStorage(
  { disk, scheduler, random }: { disk: Disk; scheduler: Scheduler; random: Random },
  host: Host,
  faults: () => StorageFaults,
): Storage {
  async function create(path: string, content: Content, signal: AbortSignal | undefined): Promise<void> {
    const { brokenCreate, shortCreate } = faults()
    const broken = random.chance(brokenCreate)
    const short = random.chance(shortCreate)
    const file = await host.request(`create ${path}`, () => disk.open(path), signal)
    const chunks: Uint8Array[] = []
    for await (const chunk of content) {
      chunks.push(chunk)
      const kept = short ? chunk.subarray(0, chunk.length >> 1) : chunk
      await host.request(`write ${path}`, () => disk.append(file, kept), signal)
      if (!broken) continue
      if (random.chance(0.5)) {
        scheduler.late(scheduler.nowMillis() + random.whole(1_000, 20_000), () => runLate(path, chunks))
      }
      throw new MillraceError('UNAVAILABLE', `no answer while writing ${path}`)
    }
  }

  /** On HDFS a write that was given up can run later, and replaces what has its name then. */
  function runLate(path: string, chunks: readonly Uint8Array[]): void {
    disk.append(disk.open(path), Buffer.concat(chunks))
  }

  return {
    kind: 'webhdfs',
    url: 'webhdfs://simulated',
    stat: (path, { signal } = {}) => host.request(`stat ${path}`, () => disk.stat(path), signal),
    list: (folder, { signal } = {}) => host.request(`list ${folder}`, () => disk.list(folder), signal),
    read: (path, { offset, length }, { signal } = {}) =>
      host.request(
        `read ${path}`,
        () => {
          if (random.chance(faults().lostRead)) throw new MillraceError('DATA_LOST', `no live replica of ${path}`)
          return disk.read(path, offset, length)
        },
        signal,
      ),
    create: (path, content, _layout, { signal } = {}) => create(path, content, signal),
    rename: (from, to, { signal } = {}) => host.request(`rename ${from} ${to}`, () => disk.rename(from, to), signal),
    renameNew: (from, to, { signal } = {}) =>
      host.request(`renameNew ${from} ${to}`, () => disk.renameNew(from, to), signal),
    remove: (path, { signal } = {}) => host.request(`remove ${path}`, () => disk.remove(path), signal),
    blockLocations: unused,
    dataNodes: unused,
    ping: unused,
    close: async () => {},
  }
}

function unused(): never {
  throw new Error('the sink does not ask this')
}
