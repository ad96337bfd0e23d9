import { duckdbTypeName, quoteDuckdbName, quoteDuckdbText } from './duckdbTypes.ts'
import type { SourceColumn } from './source.ts'
import type { FoundView } from './viewFiles.ts'

/** The SELECT that a view stands for; `places` are where its files are on this machine. */
export function duckdbViewSelect({ format, columns }: FoundView, places: readonly string[]): string {
  if (places.length === 0) return emptySelect(columns!)
  const files = `[${places.map(quoteDuckdbText).join(', ')}]`
  if (format === 'csv') return `SELECT * FROM read_csv(${files}, ${csvOptions(columns!)})`
  const names = columns ? columns.map(({ name }) => quoteDuckdbName(name)).join(', ') : '*'
  return `SELECT ${names} FROM read_parquet(${files}, hive_partitioning = false)`
}

function emptySelect(columns: readonly SourceColumn[]): string {
  const values = columns.map(({ name, type }) => `CAST(NULL AS ${duckdbTypeName(type)}) AS ${quoteDuckdbName(name)}`)
  return `SELECT ${values.join(', ')} WHERE false`
}

/** Nothing is guessed, so that the same file gives the same rows whatever is in it. */
function csvOptions(columns: readonly SourceColumn[]): string {
  const types = columns.map(({ name, type }) => `${quoteDuckdbText(name)}: '${duckdbTypeName(type)}'`)
  return [
    'auto_detect = false',
    'header = true',
    `delim = ','`,
    `quote = '"'`,
    `escape = '"'`,
    `nullstr = ''`,
    'allow_quoted_nulls = false',
    'strict_mode = true',
    'hive_partitioning = false',
    'parallel = false', // a line break in quotes may be where a part would begin
    `columns = {${types.join(', ')}}`,
  ].join(', ')
}
