import type { SqlValues } from '../engine.ts'
import { readQuery } from '../sqlProblem.ts'
import { placeOf } from '../sqlText.ts'
import type { FindPlace } from './errors.ts'
import { quoteSparkName, type SparkColumn, sparkLiterals } from './types.ts'
import type { SparkRelation } from './wire.ts'

/** One line of its own before the SQL, so that places in it keep their columns. */
const PREFIX = (list: string) => `SELECT ${list} FROM (\n`
export interface SparkQuery {
  /** `list` is what stands between SELECT and FROM around it, `rest` what follows it all. */
  relation(list: string, rest?: string): SparkRelation
  findPlace: FindPlace
}

/** The query stands in brackets: there Spark takes a SELECT and nothing else, whatever it would do with a command elsewhere. */
export function sparkQuery(sql: string, values: SqlValues): SparkQuery {
  const { text, parameters } = readQuery('Spark', sql, values)
  const namedArguments = sparkLiterals(new Set(parameters.map(({ name }) => name)), values)
  let prefix = PREFIX('*')
  return {
    relation(list, rest = '') {
      prefix = PREFIX(list)
      return {
        common: { planId: 0 },
        sql: { query: `${prefix}${text}\n) AS answer ${rest}`.trimEnd(), namedArguments },
      }
    },
    findPlace(where) {
      if ('line' in where) {
        const lines = text.split('\n').length
        return where.line < 2 || where.line > lines + 1 ? null : { line: where.line - 1, column: where.column }
      }
      // Spark counts characters, JavaScript UTF-16 units.
      const characters = where.offset - Array.from(prefix).length
      const offset = Array.from(text).slice(0, characters).join('').length
      return characters < 0 || offset >= text.length ? null : placeOf(text, offset)
    },
  }
}

export function selectList(columns: readonly SparkColumn[]): string {
  if (!columns.some(({ asText }) => asText)) return '*'
  const values = columns.map(({ name, asText }) => {
    const quoted = quoteSparkName(name)
    return asText ? `CAST(${quoted} AS STRING) AS ${quoted}` : quoted
  })
  return values.join(', ')
}
