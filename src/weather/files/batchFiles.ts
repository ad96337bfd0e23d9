import type { Call } from '../../datasources/call.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'
import { nameOf } from '../../datasources/storagePath.ts'
import { hasCode } from '../../errors.ts'
import type { BatchMeta } from '../sink/batchCodec.ts'
import { type BatchPart, readBatchTail } from './batchTail.ts'
import { type BatchRange, DATA_FOLDER, parseBatchName, visibleSet, withoutHoles } from './names.ts'
import { damaged } from './openBatchFile.ts'

/** A visible batch file. */
export interface BatchFile extends BatchRange {
  status: FileStatus
  meta: BatchMeta
  parts: BatchPart[]
}

/** The files of one partition at one moment. */
export interface PartitionFiles {
  partition: number
  /** Ascending; each batch once. */
  visible: BatchFile[]
  /** Files inside a visible one. */
  replaced: NamedFile[]
  /** Files that no reader can use, and why: half a sentence. They are among neither. */
  damaged: { file: NamedFile; problem: string }[]
  /** Batches that nothing visible holds although there are later ones. */
  holes: { firstBatch: number; lastBatch: number }[]
}

export interface NamedFile extends BatchRange {
  status: FileStatus
}

/** What readers of the batch files begin with. */
export interface BatchFiles {
  /** Ascending by partition; only those that have files. One listing, and a read for each file not seen before. */
  list(call?: Call): Promise<PartitionFiles[]>

  /**
   * What `use` makes of the files of one moment. It begins again with the files of now where one of them was replaced and swept meanwhile, so that
   * its result never mixes both; NOT_FOUND after several times.
   */
  reading<T>(use: (partitions: PartitionFiles[]) => Promise<T>, call?: Call): Promise<T>
}

/** Footers read at once. */
const AT_ONCE = 8
/** Once is enough where sweeping waits as long as it should. */
const ATTEMPTS = 4

type TailRead = Pick<BatchFile, 'meta' | 'parts'> | { problem: string }

export function createBatchFiles(storage: Storage): BatchFiles {
  /** By version of the file; of the files seen last. Immutable, so never asked for again. */
  let known = new Map<string, TailRead>()

  async function list(call?: Call): Promise<PartitionFiles[]> {
    return await again(() => listOnce(call))
  }

  async function listOnce(call?: Call): Promise<PartitionFiles[]> {
    const byPartition = new Map<number, NamedFile[]>()
    for (const status of await storage.list(DATA_FOLDER, call)) {
      const range = parseBatchName(nameOf(status.path))
      if (!range || status.kind !== 'file') continue
      const files = byPartition.get(range.partition)
      if (files) files.push({ ...range, status })
      else byPartition.set(range.partition, [{ ...range, status }])
    }
    const seen = new Map<string, TailRead>()
    const partitions: PartitionFiles[] = []
    for (const [partition, files] of [...byPartition].sort(([a], [b]) => a - b)) {
      partitions.push(await resolve(partition, files, seen, call))
    }
    known = seen
    return partitions
  }

  /** A file that cannot be used makes room for what it replaced, if that is still there. */
  async function resolve(
    partition: number,
    files: NamedFile[],
    seen: Map<string, TailRead>,
    call?: Call,
  ): Promise<PartitionFiles> {
    const unusable: PartitionFiles['damaged'] = []
    let left = files
    for (;;) {
      const set = visibleSet(left)
      const tails = await tailsOf(set.visible, seen, call)
      const visible: BatchFile[] = []
      const before = unusable.length
      for (const [index, file] of set.visible.entries()) {
        const tail = tails[index]!
        if ('problem' in tail) unusable.push({ file, problem: tail.problem })
        else visible.push({ ...file, ...tail })
      }
      if (unusable.length === before) {
        return { partition, visible, replaced: set.replaced, damaged: unusable, holes: set.holes }
      }
      left = left.filter(file => !unusable.some(({ file: one }) => one === file))
    }
  }

  async function tailsOf(files: readonly NamedFile[], seen: Map<string, TailRead>, call?: Call): Promise<TailRead[]> {
    const tails: TailRead[] = []
    for (let start = 0; start < files.length; start += AT_ONCE) {
      tails.push(...(await Promise.all(files.slice(start, start + AT_ONCE).map(file => tailOf(file, seen, call)))))
    }
    return tails
  }

  async function tailOf(file: NamedFile, seen: Map<string, TailRead>, call?: Call): Promise<TailRead> {
    const version = versionOf(file.status)
    const tail = seen.get(version) ?? known.get(version) ?? (await readTailOf(file, call))
    seen.set(version, tail)
    return tail
  }

  async function readTailOf({ status, partition, firstBatch, lastBatch }: NamedFile, call?: Call): Promise<TailRead> {
    const tail = await readBatchTail(storage, status, call)
    if ('problem' in tail) return tail
    const { meta, parts } = tail
    const isNamedSo = meta.partition === partition && meta.firstBatch === firstBatch && meta.lastBatch === lastBatch
    if (isNamedSo) return { meta, parts }
    return { problem: `it holds batches ${meta.firstBatch} to ${meta.lastBatch} of partition ${meta.partition}` }
  }

  return {
    list,
    reading: (use, call) => again(async () => await use(await listOnce(call))),
  }
}

/** Names one version of a file's content. */
export function versionOf({ path, length, modifiedAtMillis, fileId }: FileStatus): string {
  return `${path} ${fileId} ${length} ${modifiedAtMillis}`
}

/**
 * The visible files of all partitions; DATA_LOST where one of them lacks a batch, or has a file that cannot be read and that nothing stands in for:
 * an answer from the rest would be wrong without saying so.
 */
export function wholeOf(partitions: readonly PartitionFiles[]): BatchFile[] {
  return partitions.flatMap(set => {
    const last = set.visible.at(-1)?.lastBatch ?? -1
    const missing = set.damaged.find(
      ({ file }) =>
        file.lastBatch > last ||
        set.holes.some(hole => hole.firstBatch <= file.lastBatch && file.firstBatch <= hole.lastBatch),
    )
    if (missing) throw damaged(missing.file.status.path, missing.problem)
    return withoutHoles(set.partition, set).visible
  })
}

async function again<T>(use: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await use()
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND') || attempt === ATTEMPTS) throw error
    }
  }
}
