import { createHash } from 'node:crypto'
import pLimit from 'p-limit'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { asError } from '../errors.ts'
import type { FileMetaData } from '../parquet/footer.ts'
import type { GroupEntry } from '../parquet/groupSpool.ts'
import { type Total, type TotalJson, totalFromJson, totalToJson } from './amounts.ts'
import { type LoansFile, otherBytes } from './loansFile.ts'
import { makePartition, type PartitionFile } from './partitionFile.ts'

/** The index of a migrated file: where each county's rows lie and what their amounts add up to. */
export interface LoansIndex {
  dataset: string
  counties: ReadonlyMap<number, CountyEntry>
}

export interface CountyEntry extends GroupEntry {
  key: number
  total: Total
}

const INDEX = 'millrace.loans'

interface IndexJson {
  dataset: string
  counties: [
    key: number,
    firstGroup: number,
    groups: number,
    offset: number,
    length: number,
    tailOffset: number,
    rows: number,
    sha256: string,
    total: TotalJson,
  ][]
}

/** The index as key-value metadata. Rows without a county are in the file but not in the index. */
export function indexMetadata(
  dataset: string,
  entries: readonly GroupEntry[],
  totals: ReadonlyMap<number | null, Total>,
): Map<string, string> {
  const counties: IndexJson['counties'] = entries.flatMap(
    ({ key, firstGroup, groups, offset, length, tailOffset, rows, sha256 }) =>
      key === null
        ? []
        : [[key, firstGroup, groups, offset, length, tailOffset, rows, sha256, totalToJson(totals.get(key)!)]],
  )
  return new Map([[INDEX, JSON.stringify({ dataset, counties } satisfies IndexJson)]])
}

/** Undefined for a file that another program wrote. */
export function parseIndex(metadata: ReadonlyMap<string, string>): LoansIndex | undefined {
  const json = metadata.get(INDEX)
  if (json === undefined) return undefined
  const { dataset, counties } = JSON.parse(json) as IndexJson
  const entries = counties.map(([key, firstGroup, groups, offset, length, tailOffset, rows, sha256, total]) => {
    const entry: CountyEntry = {
      key,
      firstGroup,
      groups,
      offset,
      length,
      tailOffset,
      rows,
      sha256,
      total: totalFromJson(total),
    }
    return [key, entry] as const
  })
  return { dataset, counties: new Map(entries) }
}

/** Counties near each other in one read, up to this; a larger county is a read of its own. */
const READ_BYTES = 4 << 20
/** So many unwanted bytes between two counties cost less than a further request, which may meet a DataNode that hangs. */
const GAP_BYTES = 512 << 10
const PARALLEL_READS = 4

export function indexedLoansFile(
  storage: Storage,
  status: FileStatus,
  footer: FileMetaData,
  { dataset, counties }: LoansIndex,
): LoansFile {
  return {
    status,
    dataset,
    counties: new Map([...counties].map(([code, { total }]) => [code, total])),

    async cut(codes, take, callOf) {
      const limit = pLimit(PARALLEL_READS)
      const wanted = codes.map(code => counties.get(code)!)
      const readAndTake = async ({ offset, length, entries }: PlannedRead<CountyEntry>) => {
        const bytes = await storage.read(status.path, { offset, length }, callOf(entries[0]!.key)).catch(asError)
        await Promise.all(
          entries.map(entry => take(entry.key, bytes instanceof Error ? bytes : cutEntry(entry, bytes, offset))),
        )
      }
      await Promise.all(
        planReads(wanted, { maxBytes: READ_BYTES, maxGapBytes: GAP_BYTES }).map(read => limit(readAndTake, read)),
      )
    },
  }

  function cutEntry(entry: CountyEntry, bytes: Uint8Array, offset: number): PartitionFile | Error {
    const range = bytes.subarray(entry.offset - offset, entry.offset - offset + entry.length)
    if (createHash('sha256').update(range).digest('hex') !== entry.sha256) return otherBytes(entry.key)
    return makePartition(footer, entry, range, { county: entry.key, dataset, total: entry.total })
  }
}

export interface PlannedRead<Entry> {
  offset: number
  length: number
  entries: Entry[]
}

/** Reads that cover the entries: neighbours share one of at most `maxBytes`, with no more than `maxGapBytes` between two. */
export function planReads<Entry extends { offset: number; length: number }>(
  entries: readonly Entry[],
  { maxBytes, maxGapBytes }: { maxBytes: number; maxGapBytes: number },
): PlannedRead<Entry>[] {
  const reads: PlannedRead<Entry>[] = []
  for (const entry of entries.toSorted((a, b) => a.offset - b.offset)) {
    const last = reads.at(-1)
    const end = entry.offset + entry.length
    if (last && entry.offset - (last.offset + last.length) <= maxGapBytes && end - last.offset <= maxBytes) {
      last.length = end - last.offset
      last.entries.push(entry)
    } else reads.push({ offset: entry.offset, length: entry.length, entries: [entry] })
  }
  return reads
}
