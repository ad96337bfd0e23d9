import pLimit from 'p-limit'
import { MillraceError } from '../../errors.ts'
import type { Call } from '../call.ts'
import type { GroupFile, GroupOptions } from '../clusterEngine.ts'
import type { ColumnType } from '../source.ts'
import type { FileStatus, Storage } from '../storage.ts'
import { childOf, nameOf } from '../storagePath.ts'
import { visibleFiles } from '../viewFiles.ts'
import { askFiles } from './askFiles.ts'
import type { SparkSession } from './session.ts'
import { filesRelation } from './views.ts'
import type { SparkRelation } from './wire.ts'

/** Where Spark writes below the folder, one folder for each group; readers skip names that begin with "_". */
export const WRITTEN = '_written'
/** What Spark calls a folder for NULL. */
const OF_NULL = '__HIVE_DEFAULT_PARTITION__'
const PARALLEL_MOVES = 8

const TEXT: ColumnType = { kind: 'text' }
const BIGINT: ColumnType = { kind: 'integer', bits: 64, signed: true }

/** What has Spark write files of that layout, with row groups no larger than a block. */
export function groupWriteOptions({ layout, mostRows }: GroupOptions): Record<string, string> {
  return {
    maxRecordsPerFile: String(mostRows),
    'parquet.block.size': String(layout.blockBytes),
    'parquet.writer.max-padding': '0',
    'dfs.blocksize': String(layout.blockBytes),
    'dfs.replication': String(layout.replication),
    // The NameNode knows of a file's last block a moment after it is asked to close the file; by default it is asked again after 400 ms.
    'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': '20',
    // A client that is shared would have the settings of whoever opened it first.
    'fs.hdfs.impl.disable.cache': 'true',
  }
}

/** Moves what Spark wrote into folders by group up into `folder`, under the names that GroupFile promises. */
export async function moveGroups(
  storage: Storage,
  folder: string,
  groupBy: string,
  call: Call,
): Promise<Map<string, number | null>> {
  const written = childOf(folder, WRITTEN)
  const groups = new Map<string, number | null>()
  const moves: [from: string, to: string][] = []
  for (const { path } of (await storage.list(written, call)).filter(({ kind }) => kind === 'folder')) {
    const group = groupOf(nameOf(path), groupBy)
    if (group === undefined) continue
    for (const [index, file] of (await visibleFiles(storage, path, call)).entries()) {
      const to = childOf(folder, `${group ?? 'none'}${index === 0 ? '' : `-${index + 1}`}.parquet`)
      moves.push([file.path, to])
      groups.set(to, group)
    }
  }
  const limit = pLimit(PARALLEL_MOVES)
  await Promise.all(moves.map(([from, to]) => limit(() => storage.rename(from, to, call))))
  await storage.remove(written, call)
  return groups
}

/** Undefined for a folder of something else. */
function groupOf(name: string, groupBy: string): number | null | undefined {
  const value = name.startsWith(`${groupBy}=`) ? name.slice(groupBy.length + 1) : undefined
  if (value === OF_NULL) return null
  return value !== undefined && /^-?\d+$/.test(value) ? Number(value) : undefined
}

/** Rows and digests of the files, found by the cluster: it reads all their bytes. DATA_LOST where they are not those of `statuses`. */
export async function describeGroups(
  spark: SparkSession,
  place: string,
  statuses: readonly FileStatus[],
  groups: ReadonlyMap<string, number | null>,
  call: Call,
): Promise<GroupFile[]> {
  if (statuses.length === 0) return []
  const [counts, digests] = await Promise.all([
    askFiles(
      spark,
      filesRelation('parquet', undefined, [place]),
      view => `SELECT input_file_name(), count(*) FROM ${view} GROUP BY ALL`,
      [TEXT, BIGINT],
      call,
    ),
    askFiles(
      spark,
      bytesRelation(place),
      view => `SELECT path, length, sha2(content, 256) FROM ${view}`,
      [TEXT, BIGINT, TEXT],
      call,
    ),
  ])
  const rowsOf = new Map(counts.map(([path, rows]) => [nameOf(path as string), Number(rows)]))
  const digestOf = new Map(
    digests.map(([path, length, sha256]) => [
      nameOf(path as string),
      { length: Number(length), sha256: sha256 as string },
    ]),
  )
  return statuses
    .map(({ path, length }) => {
      const digest = digestOf.get(nameOf(path))
      if (digest?.length !== length) {
        throw new MillraceError(
          'DATA_LOST',
          `Spark wrote ${path} with ${length} bytes, and reads ${digest?.length ?? 'none'}.`,
          {
            hint: 'Repeat; if it goes on, see whether anything else writes into that folder.',
          },
        )
      }
      return {
        group: groups.get(path) ?? null,
        path,
        length,
        rows: rowsOf.get(nameOf(path)) ?? 0,
        sha256: digest.sha256,
      }
    })
    .sort((one, other) => order(one) - order(other) || (one.path < other.path ? -1 : 1))
}

function order({ group }: GroupFile): number {
  return group ?? Number.MAX_SAFE_INTEGER
}

function bytesRelation(place: string): SparkRelation {
  return {
    common: { planId: 0 },
    read: { dataSource: { format: 'binaryFile', options: { pathGlobFilter: '*.parquet' }, paths: [place] } },
  }
}
