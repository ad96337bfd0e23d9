import { compatibilityPartitioner } from '@platformatic/kafka'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { partitionOfKey } from '../../src/datasources/keyPartition.ts'

const ALL = 0x80000000

/** From the tests of Kafka's Java client (UtilsTest.testMurmur2). */
test.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('the hash of %s is that of Java', (key, hash) => {
  expect(partitionOfKey(Buffer.from(key), ALL)).toBe(hash & 0x7fffffff)
})

test('every key is in the partition that the library for Kafka would give it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 100 }), (key, partitions) => {
      const theirs = compatibilityPartitioner({ topic: 't', value: '' }, Buffer.from(key)) % partitions
      expect(partitionOfKey(key, partitions)).toBe(theirs)
    }),
  )
})
