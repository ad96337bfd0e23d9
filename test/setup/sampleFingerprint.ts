import type { RowDataPacket } from 'mysql2/promise'
import type { Storage } from '../../src/datasources/storage.ts'
import { LOANS_PATH } from '../../src/loans/loansFile.ts'
import { LOAN_COLUMNS } from '../../src/loans/sample/schema.ts'
import { localCopy } from './localCopy.ts'
import type { MysqlDatabase } from './mysqlDatabase.ts'

export interface Fingerprint {
  rows: bigint
  /** The sum of a part of each row's MD5. */
  sum: string
}

/** Of the rows of the sample that are migrated, by the database. */
export async function fingerprintOfSource({ connection }: MysqlDatabase): Promise<Fingerprint> {
  const [[row]] = await connection.query<RowDataPacket[]>(
    `SELECT COUNT(*) AS loans, CAST(SUM(CAST(CONV(LEFT(MD5(${rowText('mysql')}), 13), 16, 10) AS UNSIGNED)) AS CHAR) AS fingerprint
      FROM loans JOIN loan_types ON loans.loan_type_id = loan_types.id WHERE loan_amount > 30000 AND loan_amount < 800000`,
  )
  return { rows: BigInt(row!.loans), sum: row!.fingerprint }
}

/** The same of the rows that were migrated, and how many columns they have, by software that is not ours. */
export async function fingerprintOfStored(storage: Storage): Promise<Fingerprint & { columns: bigint }> {
  const copy = await localCopy(storage, LOANS_PATH)
  try {
    const [columns] = await copy.rows(`SELECT count(*) FROM (DESCRIBE SELECT * FROM ${copy.table})`)
    const [found] = await copy.rows(
      `SELECT count(*), sum(('0x' || md5(${rowText('duckdb')})[1:13])::BIGINT)::VARCHAR FROM ${copy.table}`,
    )
    return { columns: columns![0] as bigint, rows: found![0] as bigint, sum: found![1] as string }
  } finally {
    await copy.close()
  }
}

/** SQL for all of a row as one text, the same in both dialects. */
function rowText(dialect: 'mysql' | 'duckdb'): string {
  const quote = dialect === 'mysql' ? '`' : '"'
  const texts = [...LOAN_COLUMNS, ['loan_type_name', 'TEXT'] as const].map(([name, type]) => {
    const column = `${quote}${name}${quote}`
    // Doubles print differently, fixed-point numbers do not; four digits are more than any column of the sample has.
    const value = type === 'DOUBLE' ? `CAST(${column} AS DECIMAL(38,4))` : column
    return `COALESCE(CAST(${value} AS ${dialect === 'mysql' ? 'CHAR' : 'VARCHAR'}), '~')`
  })
  return `CONCAT_WS('|', ${texts.join(', ')})`
}
