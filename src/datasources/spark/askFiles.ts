import { randomUUID } from 'node:crypto'
import type { Call } from '../call.ts'
import type { ColumnType, Row } from '../source.ts'
import { arrowRows } from './arrowRows.ts'
import { NOWHERE, type SparkSession } from './session.ts'
import { sqlRelation, viewCommand } from './views.ts'
import type { SparkRelation } from './wire.ts'

/** All rows of a small answer about files. `sql` is asked of the view that it is given the name of. */
export async function askFiles(
  spark: SparkSession,
  files: SparkRelation,
  sql: (view: string) => string,
  types: readonly ColumnType[],
  call: Call,
): Promise<Row[]> {
  const view = `millrace_written_${randomUUID().replaceAll('-', '')}`
  await spark.run(viewCommand(view, files), NOWHERE, call)
  const found: Row[] = []
  for await (const batch of spark.batches({ root: sqlRelation(sql(view)) }, NOWHERE, call)) {
    for (const rows of arrowRows(batch, types)) found.push(...rows)
  }
  return found
}
