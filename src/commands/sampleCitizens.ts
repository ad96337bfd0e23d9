import { join } from 'node:path'
import type { Config } from '../config.ts'
import { parseMysqlUrl, showMysqlAddress } from '../datasources/mysqlUrl.ts'
import { MillraceError } from '../errors.ts'
import { calendarDate, defineCommand, flag, optional, required, text, wholeNumber, withDefault } from './command.ts'
import { formatBytes, formatCount } from './words.ts'

export const sampleCitizens = defineCommand({
  name: 'sample citizens',
  summary: "make a day's citizens_data.csv, where the warehouse looks for it; the same bytes every time",
  inputs: {
    date: required('--date <date>', 'the day, from 2000-01-01 to 2099-12-31', calendarDate),
    rows: withDefault('--rows <count>', 'how many citizens', wholeNumber, '10000'),
    folder: optional(
      '--folder <folder>',
      'where to, as dt=<date>/citizens_data.csv (default: MILLRACE_CITIZENS_URL)',
      text,
    ),
    into: optional('--into <url>', 'put the tables regions and occupations into this MySQL database too', text),
    replace: flag('--replace', 'drop tables of the same names where they are'),
  },
  async run({ config, terminal }, { date, rows, folder, into, replace }) {
    const { signal } = terminal
    const { createCitizens } = await import('../warehouse/sample/createCitizens.ts')
    const { inboxPath } = await import('../warehouse/ingest/ingestCitizens.ts')
    const file = join(folder ?? inboxFolder(config()), inboxPath(date))
    const bytes = await createCitizens({ file, date, rows, signal })
    return { file, rows, bytes, tables_in: into === undefined ? null : await loadTables(into, replace, signal) }
  },
  show: ({ file, rows, bytes, tables_in }) =>
    [
      `Made ${formatCount(rows)} citizens (${formatBytes(bytes)}) in ${file}.`,
      ...(tables_in === null ? [] : [`Loaded regions and occupations into ${tables_in}.`]),
    ].join('\n'),
})

function inboxFolder({ inbox }: Config): string {
  if (inbox.kind === 'folder') return inbox.folder
  throw new MillraceError(
    'BAD_USER_INPUT',
    'Expected a folder to write to, but MILLRACE_CITIZENS_URL names a web server.',
    {
      hint: 'Name one with --folder.',
    },
  )
}

/** Returns where to. */
async function loadTables(url: string, replace: boolean, signal: AbortSignal): Promise<string> {
  const { createMysqlTables } = await import('../datasources/mysqlTables.ts')
  const { mysqlReferenceTables } = await import('../warehouse/sample/referenceTables.ts')
  const shown = showMysqlAddress(parseMysqlUrl(url))
  await createMysqlTables(url, mysqlReferenceTables(), { replace, signal })
  return shown
}
