import { createHash } from 'node:crypto'
import { setImmediate as otherWork } from 'node:timers/promises'
import type { Call } from '../../datasources/call.ts'
import type { FileStatus, Storage } from '../../datasources/storage.ts'
import { MillraceError } from '../../errors.ts'
import { MAGIC, rowGroups, schemaBytes, sealFooter, shiftRowGroup, withContent } from '../../parquet/footer.ts'
import type { Struct } from '../../parquet/thrift.ts'
import { type RowIdSection, toKeyValues } from '../files/batchMetadata.ts'
import { type BatchPart, readBatchTail } from '../files/batchTail.ts'
import { type OpenBatchFile, openBatchFile, rowsOf } from '../files/openBatchFile.ts'
import { encodePart, parquetBatchCodec } from '../files/parquetBatchCodec.ts'
import { decodeRowIds } from '../files/rowIds.ts'
import type { BatchMeta, BatchRows } from '../sink/batchCodec.ts'
import type { MergeCodec, MergedFile } from './mergeCodec.ts'
import { readAhead } from './readAhead.ts'

/** A row group of fewer rows is decoded and encoded again together with others: many small ones make a large file slow to read. */
const COPIED_ROWS = 32_768
/** Of those that are encoded again. */
const GROUP_ROWS = 131_072
/** Files opened before they are needed; each small one is in memory as a whole. */
const OPENED_AHEAD = 4
const PIECE_BYTES = 4 << 20

/** Merges Parquet batch files: row groups large enough are copied as they are, the others gathered to such. Holds one row group at a time. */
export const parquetMergeCodec: MergeCodec = { ...parquetBatchCodec, merge: mergeFiles }

function mergeFiles(storage: Storage, files: readonly FileStatus[], meta: BatchMeta, call: Call): MergedFile {
  let expected: { digest: string; rowIds: string } | undefined

  async function* content(): AsyncGenerator<Uint8Array> {
    const digest = createHash('sha256')
    const rowIds = createHash('sha256')
    for await (const piece of mergedBytes(storage, files, meta, rowIds, call)) {
      digest.update(piece)
      yield piece
      await otherWork()
    }
    expected = { digest: digest.digest('hex'), rowIds: rowIds.digest('hex') }
  }

  async function check(copy: FileStatus): Promise<void> {
    if ((await digestOf(storage, copy, call)) !== expected?.digest) {
      throw new MillraceError('DATA_LOST', `expected to read back from ${copy.path} what was written, got other bytes`)
    }
    const tail = await readBatchTail(storage, copy, call)
    const problem = 'problem' in tail ? tail.problem : await otherRows(tail.parts, copy)
    if (problem === undefined) return
    throw new MillraceError(
      'INTERNAL',
      `${copy.path}, merged from ${files.length} files, is not what it must be: ${problem}`,
    )
  }

  async function otherRows(parts: readonly BatchPart[], { path }: FileStatus): Promise<string | undefined> {
    const rowIds = createHash('sha256')
    for (const {
      rows,
      rowIds: { offset, length },
    } of parts) {
      rowIds.update(bytesOf(decodeRowIds(await storage.read(path, { offset, length }, call), rows)))
    }
    return rowIds.digest('hex') === expected?.rowIds ? undefined : 'it has other row ids than the files'
  }

  return { content, check }
}

/** @param rowIds Told the ids of all rows, as the files have them. */
async function* mergedBytes(
  storage: Storage,
  files: readonly FileStatus[],
  meta: BatchMeta,
  rowIds: { update(bytes: Uint8Array): unknown },
  call: Call,
): AsyncGenerator<Uint8Array> {
  const empty = await encodePart(noRows())
  const groups: Struct[] = []
  const sections: RowIdSection[] = []
  let pending = noRows()
  let end = MAGIC.length

  /** A row group and its ids, behind all that is there. */
  const place = (group: Struct, from: number, bytes: Uint8Array, section: Omit<RowIdSection, 'offset'>) => {
    groups.push(shiftRowGroup(group, end - from, groups.length))
    end += bytes.length
    sections.push({ ...section, offset: end })
    end += section.length
  }

  async function* encodePending() {
    if (pending.rowIds.length === 0) return
    const { footer, group, groupOffset, rowIds, section } = await encodePart(pending)
    pending = noRows()
    place(rowGroups(footer)[0]!, groupOffset, group, section)
    yield group
    yield rowIds
  }

  yield MAGIC
  for await (const file of readAhead(files, OPENED_AHEAD, status => openBatchFile(storage, status, call))) {
    const canCopy = Buffer.compare(schemaBytes(file.footer), schemaBytes(empty.footer)) === 0
    for (const [index, part] of file.parts.entries()) {
      if (canCopy && part.rows >= COPIED_ROWS) {
        yield* encodePending()
        const bytes = await file.bytes(part)
        rowIds.update(bytesOf(decodeRowIds(bytes.rowIds, part.rows)))
        place(rowGroups(file.footer)[index]!, part.offset, bytes.group, part.rowIds)
        yield bytes.group
        yield bytes.rowIds
        continue
      }
      const ids = await gather(file, part, pending)
      rowIds.update(bytesOf(ids))
      if (pending.rowIds.length >= GROUP_ROWS) yield* encodePending()
    }
  }
  yield* encodePending()
  yield sealFooter(withContent(empty.footer, groups, toKeyValues({ meta, sections })))
}

async function gather(file: OpenBatchFile, part: BatchPart, into: BatchRows): Promise<Float64Array> {
  const ids = await file.rowIds(part)
  const rows = rowsOf(await file.columns(part), ids)
  for (let row = 0; row < ids.length; row++) {
    into.stationIds.push(rows.stationIds[row]!)
    into.dates.push(rows.dates[row]!)
    into.degrees.push(rows.degrees[row]!)
    into.rowIds.push(rows.rowIds[row]!)
  }
  return ids
}

async function digestOf(storage: Storage, { path, length }: FileStatus, call: Call): Promise<string> {
  const digest = createHash('sha256')
  for (let offset = 0; offset < length; offset += PIECE_BYTES) {
    digest.update(await storage.read(path, { offset, length: Math.min(PIECE_BYTES, length - offset) }, call))
  }
  return digest.digest('hex')
}

function noRows(): BatchRows {
  return { stationIds: [], dates: [], degrees: [], rowIds: [] }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
