import { afterAll, beforeAll, expect, test } from 'vitest'
import { PARTITIONS_FOLDER } from '../../src/loans/partitionFile.ts'
import { type EmbeddedLoans, embeddedLoans, loansOf } from '../setup/embeddedLoans.ts'

let embedded: EmbeddedLoans
beforeAll(async () => {
  embedded = await embeddedLoans()
  await embedded.fill(...loansOf([55001, 55003, 55005]))
  await embedded.migrate()
})
afterAll(() => embedded.close())

test('dropped partitions are gone, those of other counties stay, and the next average is the same one, created', async () => {
  const { loans, storage } = embedded
  const before = await embedded.average(55001)
  for (const county of [55003, 55005]) await embedded.average(county)

  expect(await loans.dropPartitions([55003, 55001])).toEqual([55003, 55001])
  expect((await storage.list(PARTITIONS_FOLDER)).map(({ path }) => path)).toEqual(['/partitions/55005.parquet'])
  const again = await embedded.average(55001)
  expect(again).toMatchObject({ averageLoan: before.averageLoan, loans: before.loans, source: 'CREATE' })
  expect((await embedded.average(55001)).source).toBe('REUSE')
  expect((await embedded.average(55005)).source).toBe('REUSE')
})

test('a county without a partition, or without loans, is no error and is not in the answer', async () => {
  const { loans } = embedded
  await embedded.average(55005)
  expect(await loans.dropPartitions([55141, 55005, 55005])).toEqual([55005])
  expect(await loans.dropPartitions([55005])).toEqual([])
})
