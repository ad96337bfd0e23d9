import type { Call } from '../call.ts'
import type { JdbcColumn, JdbcRead } from '../jdbc.ts'
import { NOWHERE, type SparkSession } from './session.ts'
import { quoteSparkName, sparkTypeName } from './types.ts'
import { sqlRelation, viewCommand } from './views.ts'

/** Rows that a connection is asked for at once. */
const FETCH_ROWS = 1_000
/** Stands in the statement where user and password begin, which are the last of it. */
const SECRETS_MARK = '/* secrets from here on */'

/**
 * What keeps user and password off Spark's web pages, events and logs. They show the text of every statement, but mask in it
 * what this pattern finds; options of a source called "password" they mask by themselves.
 */
const SECRECY: Readonly<Record<string, string>> = {
  'spark.sql.redaction.string.regex': `(?s)${SECRETS_MARK.replace(/[/*]/g, '[$&]')}.*`,
  'spark.sql.redaction.options.regex': '(?i)url|user|password',
  // What escaped() relies on.
  'spark.sql.parser.escapedStringLiterals': 'false',
}

/** Makes a view of what a database answers to a query; see ClusterSession.registerTable. */
export async function viewJdbc(
  spark: SparkSession,
  name: string,
  read: JdbcRead,
  connections: number,
  call: Call,
): Promise<void> {
  const raw = `millrace_table_${name}`
  const options = {
    url: read.url,
    driver: read.driver,
    dbtable: `(${read.sql}) AS source`,
    sessionInitStatement: read.firstStatement,
    fetchsize: String(FETCH_ROWS),
    ...rangesOf(read, connections),
  }
  const secrets = { user: read.user, password: read.password }
  const statement = [
    `CREATE OR REPLACE TEMPORARY VIEW ${raw} USING jdbc OPTIONS (`,
    `${optionsSql(options)}, ${SECRETS_MARK} ${optionsSql(secrets)})`,
  ].join('')
  await spark.configure(SECRECY, call)
  await spark.run({ command: { sqlCommand: { input: sqlRelation(statement) } } }, NOWHERE, call)
  const values = read.columns.map(column => `${castOf(column)} AS ${quoteSparkName(column.name)}`)
  await spark.run(viewCommand(name, sqlRelation(`SELECT ${values.join(', ')} FROM ${raw}`)), NOWHERE, call)
}

/** Dates that no calendar has become NULL. */
function castOf({ alias, type }: JdbcColumn): string {
  const cast = type.kind === 'date' || type.kind === 'timestamp' ? 'try_cast' : 'CAST'
  return `${cast}(${alias} AS ${sparkTypeName(type)})`
}

/** Rows without a key come with the first range. */
function rangesOf({ key }: JdbcRead, connections: number): Record<string, string> {
  if (key === null || connections < 2) return {}
  return {
    partitionColumn: key.alias,
    lowerBound: String(key.least),
    upperBound: String(key.most + 1),
    numPartitions: String(connections),
  }
}

function optionsSql(options: Readonly<Record<string, string>>): string {
  return Object.entries(options)
    .map(([name, value]) => `${name} '${escaped(value)}'`)
    .join(', ')
}

/** Within quotes, for Spark's SQL; without a "$", which could begin the name of a setting. */
function escaped(text: string): string {
  return text.replace(/[\\']/g, '\\$&').replaceAll('$', '\\u0024')
}
