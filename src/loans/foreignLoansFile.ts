import { randomUUID } from 'node:crypto'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { Call } from '../datasources/call.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { visibleFiles } from '../datasources/viewFiles.ts'
import { asError, MillraceError } from '../errors.ts'
import { footerLength, groupCount, MAGIC, parseFooter, rowCount, TRAILER_BYTES } from '../parquet/footer.ts'
import type { GroupEntry } from '../parquet/groupSpool.ts'
import { readColumn } from '../parquet/readColumn.ts'
import { type Total, totalOf } from './amounts.ts'
import { type LoansFile, versionOf } from './loansFile.ts'
import { AMOUNT, COUNTY } from './loansQuery.ts'
import { makePartition, type PartitionFile } from './partitionFile.ts'

const READ_BYTES = 4 << 20

/**
 * A main file, or a folder of files, that another program wrote, without our index: it is decoded by DuckDB from a local copy, once per question
 * that finds partitions missing. Slower than an indexed file, and just as right.
 */
export async function foreignLoansFile(
  storage: Storage,
  status: FileStatus,
  workFolder: string,
  call: Call,
): Promise<LoansFile> {
  const dataset = `foreign:${versionOf(status)}`
  const counties = await withLocalCopy(storage, status, workFolder, call, async (duckdb, rows) => {
    const reader = await query(
      duckdb,
      `SELECT CAST(TRY_CAST(${COUNTY} AS DOUBLE) AS BIGINT) AS county, count(*), CAST(sum(${AMOUNT}) AS DOUBLE) FROM ${rows}
        WHERE TRY_CAST(${COUNTY} AS DOUBLE) BETWEEN 1 AND 99999 AND ${AMOUNT} IS NOT NULL GROUP BY county ORDER BY county`,
    )
    return reader.map(([county, loans, sum]) => {
      const total: Total = { loans: Number(loans), sum: Number(sum), scale: 0 }
      return [Number(county), total] as const
    })
  })

  return {
    status,
    dataset,
    counties: new Map(counties),
    async cut(codes, take, callOf) {
      const taken = new Set<number>()
      try {
        await withLocalCopy(storage, status, workFolder, callOf(codes[0]!), async (duckdb, rows, target) => {
          for (const county of codes) {
            taken.add(county)
            await take(county, await cutCounty(duckdb, rows, `${target}.${county}`, { county, dataset }).catch(asError))
          }
        })
      } catch (error) {
        for (const county of codes) if (!taken.has(county)) await take(county, asError(error))
      }
    },
  }
}

async function cutCounty(
  duckdb: DuckDBConnection,
  rows: string,
  target: string,
  { county, dataset }: { county: number; dataset: string },
): Promise<PartitionFile> {
  try {
    await query(
      duckdb,
      `COPY (SELECT * FROM ${rows} WHERE TRY_CAST(${COUNTY} AS DOUBLE) = ${county} AND ${AMOUNT} IS NOT NULL)
        TO ${quoted(target)} (FORMAT parquet)`,
    )
    const bytes = await readFile(target)
    const footer = parseFooter(bytes)
    const offset = MAGIC.length
    const length = bytes.length - TRAILER_BYTES - footerLength(bytes) - offset
    const total = totalOf(await readColumn({ length: bytes.length, part: { offset: 0, bytes } }, AMOUNT))
    // Its columns stand in the order of the table: all of it is tail.
    const entry: GroupEntry = {
      key: county,
      firstGroup: 0,
      groups: groupCount(footer),
      offset,
      length,
      tailOffset: offset,
      rows: rowCount(footer),
      sha256: '',
    }
    return makePartition(footer, entry, bytes.subarray(offset, offset + length), { county, dataset, total })
  } finally {
    await rm(target, { force: true })
  }
}

/** `use` gets the rows as SQL, and the start of the names of files that it makes. */
async function withLocalCopy<Result>(
  storage: Storage,
  status: FileStatus,
  workFolder: string,
  call: Call,
  use: (duckdb: DuckDBConnection, rows: string, target: string) => Promise<Result>,
): Promise<Result> {
  const place = join(workFolder, `foreign-${randomUUID()}`)
  const copies: string[] = []
  try {
    const files = status.kind === 'folder' ? await visibleFiles(storage, status.path, call) : [status]
    if (files.length === 0) throw new MillraceError('DATA_LOST', `The folder ${status.path} has no files.`)
    for (const [index, file] of files.entries()) {
      const copy = `${place}-${index}.parquet`
      copies.push(copy)
      await copyFile(storage, file, copy, call)
    }
    const instance = await DuckDBInstance.create(':memory:')
    const duckdb = await instance.connect()
    try {
      return await use(duckdb, `read_parquet([${copies.map(quoted).join(', ')}], union_by_name = true)`, place)
    } finally {
      duckdb.closeSync()
      instance.closeSync()
    }
  } finally {
    await Promise.all(copies.map(copy => rm(copy, { force: true })))
  }
}

async function copyFile(storage: Storage, { path, length }: FileStatus, to: string, call: Call): Promise<void> {
  await using copy = await open(to, 'w')
  for (let offset = 0; offset < length; offset += READ_BYTES) {
    await copy.write(await storage.read(path, { offset, length: Math.min(READ_BYTES, length - offset) }, call))
  }
}

async function query(duckdb: DuckDBConnection, sql: string): Promise<unknown[][]> {
  try {
    return (await duckdb.runAndReadAll(sql)).getRows()
  } catch (cause) {
    throw new MillraceError(
      'DATA_LOST',
      `DuckDB cannot read it: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: `Expected a Parquet file with the columns ${COUNTY} and ${AMOUNT}; run migrateLoans to write one.`,
        cause,
      },
    )
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
