import { basename } from 'node:path'
import type { Call } from '../../datasources/call.ts'
import type { EngineSession } from '../../datasources/engine.ts'
import type { Publisher } from '../../datasources/publish.ts'
import { sqlProblemOf } from '../../datasources/sqlProblem.ts'
import type { Storage } from '../../datasources/storage.ts'
import { MillraceError } from '../../errors.ts'
import type { Transform } from '../transforms/transform.ts'
import type { TableInputs } from './runInputs.ts'
import { keepTableResult, newAttemptFolder, type TableResult } from './tableResult.ts'

export interface MakeTableParts {
  session: EngineSession
  storage: Storage
  publisher: Publisher
}

/**
 * Runs a transform and keeps its rows in the storage. Errors: BAD_USER_INPUT that names the .sql file, the line and what the
 * engine says; those of the engine and the storage.
 */
export async function makeTable(
  { session, storage, publisher }: MakeTableParts,
  date: string,
  { transform, fingerprint }: TableInputs,
  call: Call,
): Promise<TableResult> {
  const { name, sql } = transform
  const folder = newAttemptFolder(date, name)
  const { rows, files } = await explained(transform, session.write(sql, folder, { date }, call))
  const result: TableResult = { version: 1, date, table: name, fingerprint, folder, rows, files }
  await keepTableResult(storage, publisher, result, call)
  return result
}

/** The error of an engine, with the file that it is about. */
async function explained<T>({ file }: Transform, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof MillraceError) || !sqlProblemOf(error)) throw error
    throw new MillraceError(error.code, `${basename(file)}: ${error.message}`, {
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    })
  }
}
