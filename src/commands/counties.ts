import {
  CountiesDocument,
  type CountiesQuery,
  CountyAveragesDocument,
  type CountyAveragesQuery,
} from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand, flag } from './command.ts'
import { formatTable } from './table.ts'

type County = NonNullable<CountiesQuery['counties'] | CountyAveragesQuery['counties']>[number]

export const counties = defineCommand({
  name: 'counties',
  summary: 'every county that has migrated loans',
  inputs: { averages: flag('--averages', 'with the average loan of each, computed in one pass') },
  async run({ request }, { averages }): Promise<County[]> {
    const { counties } = averages ? await request(CountyAveragesDocument, {}) : await request(CountiesDocument, {})
    return present(counties)
  },
  show: list => {
    if (!list.some(county => 'averageLoan' in county)) {
      return formatTable(
        ['CODE', 'NAME'],
        list.map(({ code, name }) => [String(code), name]),
      )
    }
    const rows = list.map(county => {
      const average = 'averageLoan' in county ? county.averageLoan : null
      return [
        String(county.code),
        county.name,
        average?.averageLoan ?? '',
        average?.loans ?? '',
        average?.source.toLowerCase() ?? '',
      ]
    })
    return formatTable(['CODE', 'NAME', 'AVERAGE', 'LOANS', 'SOURCE'], rows)
  },
})
