import type { FoundView } from '../viewFiles.ts'
import { quoteSparkName, sparkDefinitions, sparkTypeName } from './types.ts'
import type { SparkPlan, SparkRelation } from './wire.ts'

const CSV_OPTIONS: Readonly<Record<string, string>> = {
  header: 'true',
  sep: ',',
  quote: '"',
  escape: '"',
  multiLine: 'true',
  // What Spark puts for an empty field, and then takes for NULL; it must not be the empty text, which is a value.
  nullValue: '\u0001\u0001',
  emptyValue: '',
  mode: 'FAILFAST',
  encoding: 'UTF-8',
}

/** `rawView` is a name that only the keeper uses, for a view that the view is made from. */
export function viewRelation({ format, columns, files }: FoundView, paths: string[], rawView: string): SparkRelation {
  if (files.length === 0) {
    const values = columns!.map(({ name, type }) => `CAST(NULL AS ${sparkTypeName(type)}) AS ${quoteSparkName(name)}`)
    return sqlRelation(`SELECT ${values.join(', ')} WHERE false`)
  }
  if (format === 'parquet' && columns) {
    return sqlRelation(`SELECT ${columns.map(({ name }) => quoteSparkName(name)).join(', ')} FROM ${rawView}`)
  }
  return filesRelation(format, columns, paths)
}

export function filesRelation(
  format: FoundView['format'],
  columns: FoundView['columns'],
  paths: string[],
): SparkRelation {
  const csv = { format, schema: sparkDefinitions(columns ?? []), options: CSV_OPTIONS, paths }
  return { common: { planId: 0 }, read: { dataSource: format === 'csv' ? csv : { format, options: {}, paths } } }
}

export function sqlRelation(query: string): SparkRelation {
  return { common: { planId: 0 }, sql: { query, namedArguments: {} } }
}

export const viewCommand = (name: string, input: SparkRelation): SparkPlan => ({
  command: { createDataframeView: { input, name, replace: true } },
})
