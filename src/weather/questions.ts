import { MillraceError } from '../errors.ts'
import type { TemperatureRange } from './weather.ts'

/** How many partitions the topic is made with. */
export const PARTITIONS = 4

/** BAD_USER_INPUT where there is no such partition. */
export function checkPartition(partition: number): number {
  if (Number.isInteger(partition) && partition >= 0 && partition < PARTITIONS) return partition
  throw new MillraceError('BAD_USER_INPUT', `Expected a partition from 0 to ${PARTITIONS - 1}, but got ${partition}.`, {
    hint: 'weatherPartitions lists the partitions that there are.',
  })
}

/** BAD_USER_INPUT where no row could be meant. A station that nobody has heard of is none: it has no rows yet. */
export function checkRange({ stationId, from, to }: Partial<TemperatureRange>): void {
  if (stationId === '') {
    throw new MillraceError('BAD_USER_INPUT', 'Expected a station, but got an empty text.', {
      hint: 'Name one, for example "StationA", or leave stationId out for all.',
    })
  }
  if (from !== undefined && to !== undefined && from > to) {
    throw new MillraceError('BAD_USER_INPUT', `Expected "from" not to be after "to", but ${from} is after ${to}.`, {
      hint: 'Both days are included; swap them, or leave one out.',
    })
  }
}
