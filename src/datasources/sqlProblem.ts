import { MillraceError } from '../errors.ts'
import { placeOf, readSql, type SqlPlace, type SqlText } from './sqlText.ts'

/** What an engine says of SQL that it cannot run. */
export interface SqlProblem {
  /** The engine's own words. */
  said: string
  /** The engine's own name for this kind of error, for example DIVIDE_BY_ZERO; null where it has none. */
  errorClass: string | null
  /** Where in the SQL, as far as the engine tells. */
  place: SqlPlace | null
}

const HINT = 'Correct the SQL at that place; what both engines understand is in docs/warehouse.md.'

class SqlProblemError extends Error {
  readonly problem: SqlProblem

  constructor(problem: SqlProblem, cause: unknown) {
    super(problem.said, { cause })
    this.name = 'SqlProblemError'
    this.problem = problem
  }
}

/** BAD_USER_INPUT that says who found what, and where. */
export function sqlError(
  engine: string,
  problem: SqlProblem,
  { hint = HINT, cause }: { hint?: string; cause?: unknown } = {},
) {
  const { place, said } = problem
  const where = place ? ` at line ${place.line}, column ${place.column}` : ''
  return new MillraceError('BAD_USER_INPUT', `${engine}${where}: ${said}`, {
    hint,
    cause: new SqlProblemError(problem, cause),
  })
}

/** The parts of an error about SQL; undefined for any other error. */
export function sqlProblemOf(error: unknown): SqlProblem | undefined {
  const cause = error instanceof MillraceError ? error.cause : undefined
  return cause instanceof SqlProblemError ? cause.problem : undefined
}

/** BAD_USER_INPUT for SQL without any, for what is no SELECT, and for a `:name` that `values` has not. */
export function readQuery(engine: string, sql: string, values: object): SqlText {
  const read = readSql(sql)
  if (read.text === '')
    throw sqlError(engine, { said: 'expected a SELECT, got nothing', errorClass: null, place: null })
  const begun = /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?<word>\w*)/.exec(read.text)!.groups!.word!
  if (!/^(?:select|with|values|)$/i.test(begun)) {
    throw sqlError(engine, { said: `expected a single SELECT, got ${begun}`, errorClass: null, place: null })
  }
  const missing = read.parameters.find(({ name }) => !Object.hasOwn(values, name))
  if (!missing) return read
  const names = Object.keys(values)
  const said = `expected a value for :${missing.name}, there is ${names.length > 0 ? `one for ${names.map(name => `:${name}`).join(', ')}` : 'none at all'}`
  throw sqlError(engine, { said, errorClass: null, place: placeOf(sql, missing.start) })
}

/** BAD_USER_INPUT for two columns of one name. */
export function requireUniqueNames(engine: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return
  const said = `expected columns with different names, got "${twice}" twice`
  throw sqlError(engine, { said, errorClass: null, place: null })
}
