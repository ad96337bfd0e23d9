import type { RowDataPacket } from 'mysql2/promise'
import { expect } from 'vitest'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import type { ColumnType, SourceColumn } from '../../src/datasources/source.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { ALL_TYPES_COLUMNS, quote } from './allTypes.ts'
import { localCopy } from './localCopy.ts'
import type { MysqlDatabase } from './mysqlDatabase.ts'

/** Each migrated value of createAllTypesTables(), as DuckDB reads it, is what MySQL itself prints. */
export async function expectAllTypes(database: MysqlDatabase, storage: Storage): Promise<void> {
  const source = mysqlSource({ url: database.url })
  const columns = await source.columns('loans')
  await source.close()
  expect(columns.length).toBeGreaterThan(ALL_TYPES_COLUMNS.length)

  const copy = await localCopy(storage, LOANS_PATH)
  try {
    for (const column of columns) {
      const sqlType = ALL_TYPES_COLUMNS.find(({ name }) => name === column.name)?.sqlType ?? ''
      const [inSource] = await database.connection.query<RowDataPacket[]>(
        `SELECT loans.id AS id, ${mysqlText(column, sqlType)} AS value FROM loans JOIN loan_types ON loans.loan_type_id = loan_types.id
          WHERE loan_amount > 30000 AND loan_amount < 800000 ORDER BY loans.id`,
      )
      const inFile = await copy.rows(`SELECT id, ${duckdbText(column)} FROM ${copy.table} ORDER BY id`)
      expect(inFile.length, column.name).toBeGreaterThan(5)
      expect(
        inFile.map(([id, value]) => [id, plain(value, column.type)]),
        column.name,
      ).toEqual(inSource.map(({ id, value }) => [id, plain(value, column.type)]))
    }
  } finally {
    await copy.close()
  }
}

/** Text and bytes are compared as hexadecimal, numbers and dates as each side prints them. */
function mysqlText({ name, type }: SourceColumn, sqlType: string): string {
  const column = `loans.${quote(name)}`
  if (sqlType.startsWith('BIT')) return `CAST(CAST(${column} AS UNSIGNED) AS CHAR)`
  if (type.kind === 'text') return `HEX(CAST(${column} AS CHAR CHARACTER SET utf8mb4))`
  if (type.kind === 'binary') return `HEX(${column})`
  if (type.kind === 'float') return `CAST(CAST(${column} AS DOUBLE) AS CHAR)`
  return `CAST(${column} AS CHAR)`
}

function duckdbText({ name, type }: SourceColumn): string {
  const column = `"${name.replaceAll('"', '""')}"`
  if (type.kind === 'text') return `hex(encode(${column}))`
  if (type.kind === 'binary') return `hex(${column})`
  return type.kind === 'boolean' ? `CAST(${column}::INTEGER AS VARCHAR)` : `CAST(${column} AS VARCHAR)`
}

/** One text for one value: without the padding of ZEROFILL, trailing zeros of a second, and signs of a zone. */
function plain(value: unknown, type: ColumnType): string | null {
  if (value === null || value === undefined) return null
  const text = value as string
  if (type.kind === 'integer') return String(BigInt(text))
  if (type.kind === 'float') return String(type.bits === 32 ? Math.fround(Number(text)) : Number(text))
  if (type.kind === 'decimal') return text.replace(/^(-?)0+(?=\d)/, '$1')
  if (type.kind === 'timestamp')
    return text
      .replace(/\+00$/, '')
      .replace(/(\.\d*?)0+$/, '$1')
      .replace(/\.$/, '')
  return text
}
