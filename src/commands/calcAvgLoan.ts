import { AverageLoanDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { defineCommand, required, wholeNumber } from './command.ts'

export const calcAvgLoan = defineCommand({
  name: 'CalcAvgLoan',
  summary: 'the average loan of one county, and how it was obtained: create, reuse or recreate',
  inputs: { code: required('-c, --code <county>', 'five-digit county FIPS code, for example 55025', wholeNumber) },
  async run({ request }, { code }) {
    const { averageLoan } = await request(AverageLoanDocument, { countyCode: code })
    return present(averageLoan)
  },
  show: ({ averageLoan, source }) => `${averageLoan}\n${source.toLowerCase()}`,
})
