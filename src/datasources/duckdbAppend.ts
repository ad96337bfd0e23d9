import {
  BIGINT,
  BLOB,
  BOOLEAN,
  DOUBLE,
  DuckDBBlobValue,
  type DuckDBConnection,
  DuckDBDataChunk,
  type DuckDBType,
  type DuckDBValue,
  FLOAT,
  VARCHAR,
} from '@duckdb/node-api'
import { duckdbTypeName } from './duckdbTypes.ts'
import type { RowStream } from './rowStream.ts'
import type { ColumnType, Row } from './source.ts'
import type { WarehouseCall } from './warehouse.ts'
import { quoteName } from './warehouseSession.ts'

const ROWS_PER_CHUNK = 2_048

/**
 * Appends rows to a table that has their columns; returns how many. They go through a temporary table, in which dates, decimals and
 * the like are still text: DuckDB reads them faster than a call for each would hand them over.
 */
export async function appendDuckdbRows(
  connection: DuckDBConnection,
  table: string,
  rows: RowStream,
  { onRows, signal }: WarehouseCall,
): Promise<number> {
  const carried = rows.columns.map(({ type }) => carrierOf(type))
  const definitions = carried.map(({ type }, index) => `c${index} ${String(type)}`)
  await connection.run(`CREATE OR REPLACE TEMP TABLE appended (${definitions.join(', ')})`)
  const appender = await connection.createAppender('appended', 'main', 'temp')
  let count = 0
  for await (const batch of rows.rows(signal ? { signal } : {})) {
    for (let start = 0; start < batch.length; start += ROWS_PER_CHUNK) {
      appender.appendDataChunk(chunkOf(batch.slice(start, start + ROWS_PER_CHUNK), carried))
    }
    count += batch.length
    onRows?.(count)
  }
  appender.flushSync()
  appender.closeSync()
  signal?.throwIfAborted()
  const values = rows.columns.map(({ type }, index) => `CAST(c${index} AS ${duckdbTypeName(type)})`)
  const names = rows.columns.map(({ name }) => quoteName(name))
  await connection.run(`INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM appended`)
  await connection.run('DROP TABLE appended')
  return count
}

interface Carrier {
  type: DuckDBType
  readonly carry: (value: unknown) => DuckDBValue
}

function carrierOf(type: ColumnType): Carrier {
  switch (type.kind) {
    case 'integer':
      // UBIGINT and strings of digits beyond 2^53 do not fit into BIGINT.
      return type.bits === 64 && !type.signed
        ? { type: VARCHAR, carry: value => String(value) }
        : { type: BIGINT, carry: value => BigInt(value as number | bigint | string) }
    case 'float':
      return { type: type.bits === 32 ? FLOAT : DOUBLE, carry: value => value as number }
    case 'boolean':
      return { type: BOOLEAN, carry: value => value as boolean }
    case 'binary':
      return { type: BLOB, carry: value => new DuckDBBlobValue(value as Uint8Array) }
    default:
      return { type: VARCHAR, carry: value => value as string }
  }
}

function chunkOf(rows: readonly Row[], carried: readonly Carrier[]): DuckDBDataChunk {
  const chunk = DuckDBDataChunk.create(
    carried.map(({ type }) => type),
    rows.length,
  )
  for (const [index, { carry }] of carried.entries()) {
    chunk.setColumnValues(
      index,
      rows.map(row => (row[index] === null ? null : carry(row[index]))),
    )
  }
  return chunk
}
