import { createHash } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import { cutRange } from '../parquet/cutRange.ts'
import {
  type FileMetaData,
  footerLength,
  keyValues,
  MAGIC,
  parseFooter,
  rowCount,
  TRAILER_BYTES,
} from '../parquet/footer.ts'
import type { GroupEntry } from '../parquet/groupSpool.ts'
import { type FilePart, readColumn } from '../parquet/readColumn.ts'
import { sameTotal, type Total, type TotalJson, totalFromJson, totalOf, totalToJson } from './amounts.ts'
import { AMOUNT } from './loansQuery.ts'

/** Partition files, one per county: all columns of its loans, and a stamp that says from which migration and of which bytes. */
export interface PartitionFile {
  county: number
  parts: Uint8Array[]
  length: number
  tailOffset: number
}

export const PARTITIONS_FOLDER = '/partitions'

export function partitionPath(county: number): string {
  return `${PARTITIONS_FOLDER}/${county}.parquet`
}

/** In the file's key-value metadata. */
interface Stamp {
  dataset: string
  county: number
  total: TotalJson
  /** Where the chunk of amounts begins; from there to the end is all that an average needs. */
  tailOffset: number
  /** SHA-256 of all bytes before the tail, and of those from the tail to the footer. */
  head: string
  tail: string
}

const STAMP = 'millrace.partition'
/** SHA-256 of the footer itself, taken with zeros in this place. */
const FOOTER_DIGEST = 'millrace.footer_sha256'
const NO_DIGEST = '0'.repeat(64)

/** @param range The bytes of `entry` in the main file. */
export function makePartition(
  footer: FileMetaData,
  entry: Pick<GroupEntry, 'firstGroup' | 'groups' | 'offset' | 'tailOffset'>,
  range: Uint8Array,
  { county, dataset, total }: { county: number; dataset: string; total: Total },
): PartitionFile {
  const headLength = entry.tailOffset - entry.offset
  const stamp: Stamp = {
    dataset,
    county,
    total: totalToJson(total),
    tailOffset: MAGIC.length + headLength,
    head: sha256(MAGIC, range.subarray(0, headLength)),
    tail: sha256(range.subarray(headLength)),
  }
  const metadata = new Map([
    [STAMP, JSON.stringify(stamp)],
    [FOOTER_DIGEST, NO_DIGEST],
  ])
  const { parts, length, tailOffset } = cutRange(footer, entry, range, metadata)
  const sealed = Buffer.from(parts.at(-1)!)
  sealed.write(sha256(sealed.subarray(0, -TRAILER_BYTES)), sealed.lastIndexOf(NO_DIGEST), 'latin1')
  return { county, parts: [...parts.slice(0, -1), sealed], length, tailOffset }
}

/** What an average needs of a partition: the bytes from its tail on. */
export function tailOf({ parts, tailOffset }: PartitionFile): FilePart {
  return { offset: tailOffset, bytes: Buffer.concat(parts).subarray(tailOffset) }
}

/**
 * The total of a partition of which `part`, the end of the file, is at hand: DATA_LOST unless the bytes are those that were
 * written, for this county, from this dataset. The head's digest is checked only where the head is at hand.
 * @returns also where the tail begins, for the next, shorter read.
 */
export async function readPartition(
  file: { length: number; part: FilePart },
  expected: { county: number; dataset: string },
): Promise<{ total: Total; tailOffset: number }> {
  const { offset, bytes } = file.part
  const footer = parseFooter(bytes)
  const footerStart = bytes.length - TRAILER_BYTES - footerLength(bytes)
  const stamp = checkedStamp(footer, bytes.subarray(footerStart, bytes.length - TRAILER_BYTES))
  if (stamp.dataset !== expected.dataset) throw lost('was made from an earlier migration')
  if (stamp.county !== expected.county) throw lost(`holds county ${stamp.county}`)
  const tailStart = stamp.tailOffset - offset
  if (sha256(bytes.subarray(tailStart, footerStart)) !== stamp.tail) throw lost('has other amounts than were written')
  if (tailStart > 0 && sha256(bytes.subarray(0, tailStart)) !== stamp.head) {
    throw lost('has other bytes than were written')
  }
  const total = totalOf(await readColumn(file, AMOUNT))
  if (total.loans !== rowCount(footer) || !sameTotal(total, totalFromJson(stamp.total))) {
    throw lost('does not add up to what was written')
  }
  return { total, tailOffset: stamp.tailOffset }
}

function checkedStamp(footer: FileMetaData, footerBytes: Uint8Array): Stamp {
  const pairs = keyValues(footer)
  const [stamp, digest] = [pairs.get(STAMP), pairs.get(FOOTER_DIGEST)]
  if (!stamp || !digest) throw lost('has no stamp of Millrace')
  const unsigned = Buffer.from(footerBytes)
  unsigned.write(NO_DIGEST, unsigned.lastIndexOf(digest), 'latin1')
  if (sha256(unsigned) !== digest) throw lost('has another footer than was written')
  return JSON.parse(stamp) as Stamp
}

function sha256(...parts: Uint8Array[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

function lost(what: string): MillraceError {
  return new MillraceError('DATA_LOST', `The partition ${what}.`)
}
