import { withDotEnv } from '../config.ts'
import { parseMysqlUrl, showMysqlAddress } from '../datasources/mysqlUrl.ts'
import { MillraceError } from '../errors.ts'
import { SAMPLE_LOANS } from '../loans/sample/schema.ts'
import { defineCommand, flag, optional, text } from './command.ts'
import { showSampleProgress } from './sampleProgress.ts'
import { formatCount } from './words.ts'

export const sampleLoad = defineCommand({
  name: 'sample load',
  summary: 'put the synthetic loans, regions and occupations into a MySQL database, all or none',
  inputs: {
    into: optional('--into <url>', 'mysql://user:password@host:3306/database (default: MILLRACE_SOURCE_URL)', text),
    replace: flag('--replace', 'drop tables of the same names where they are'),
  },
  async run({ progress, terminal }, { into, replace }) {
    const url = into ?? withDotEnv(terminal.environment, terminal.folder).MILLRACE_SOURCE_URL
    if (!url) {
      throw new MillraceError('BAD_USER_INPUT', 'Expected --into or MILLRACE_SOURCE_URL to name a MySQL database.', {
        hint: 'For example --into mysql://user:password@127.0.0.1:3306/CS544',
      })
    }
    const database = showMysqlAddress(parseMysqlUrl(url))
    const { loadSampleInto } = await import('../loans/sample/loadSample.ts')
    const { mysqlReferenceTables } = await import('../warehouse/sample/referenceTables.ts')
    const otherTables = mysqlReferenceTables()
    const display = progress('sample')
    try {
      await loadSampleInto(url, {
        replace,
        otherTables,
        onProgress: showSampleProgress(display),
        signal: terminal.signal,
      })
    } finally {
      display.stop()
    }
    return { database, loans: SAMPLE_LOANS }
  },
  show: ({ database, loans }) => `Loaded ${formatCount(loans)} loans into ${database}.`,
})
