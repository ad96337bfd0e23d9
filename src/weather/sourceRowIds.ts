import type { Call } from '../datasources/call.ts'
import type { Source, SourceColumn } from '../datasources/source.ts'
import { hasCode, MillraceError } from '../errors.ts'
import type { SourceRowIds } from './queries/verify.ts'
import { TEMPERATURES } from './temperaturesTable.ts'

/** The ids of the rows of weather. NOT_FOUND while there is no such table. */
export function sourceRowIds(source: Pick<Source, 'columns' | 'rowsByKey' | 'keys'>): SourceRowIds {
  const { name: table, key } = TEMPERATURES
  return {
    async last(call: Call = {}) {
      const columns = (await columnsOf(source, call)).filter(({ name }) => name === key)
      const [row] = await source.rowsByKey({ table, key, columns, descending: true, limit: 1 }, call)
      return row ? Number(row[0]) : 0
    },
    all: call => source.keys({ table, key }, call),
  }
}

async function columnsOf(source: Pick<Source, 'columns'>, call: Call): Promise<SourceColumn[]> {
  try {
    return await source.columns(TEMPERATURES.name, call)
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error
    throw new MillraceError('NOT_FOUND', error.message, {
      hint: 'The generator makes the table: startWeather(generate: true), or "millrace weather generate".',
      cause: error,
    })
  }
}
