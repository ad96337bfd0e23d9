import { expect, test } from 'vitest'
import { createBroadcast } from '../../src/jobs/broadcast.ts'
import { expanded } from '../../src/jobs/iterate.ts'

test('each value becomes some, or none', async () => {
  const numbers = createBroadcast<number>({ keep: 10 })
  const repeated = expanded(numbers.read(), async value => Array<number>(value).fill(value))
  for (const value of [2, 0, 3]) numbers.publish(value)
  numbers.end()
  const seen: number[] = []
  for await (const value of repeated) seen.push(value)
  expect(seen).toEqual([2, 2, 3, 3, 3])
})

test('a reader that leaves while it waits is let go, and the source is freed', async () => {
  const numbers = createBroadcast<number>()
  const reader = expanded(numbers.read(), value => [value])
  const waiting = reader.next()
  await reader.return?.()
  expect(await waiting).toEqual({ value: undefined, done: true })
  expect(numbers.readers).toBe(0)
})

test('a failure reaches the reader', async () => {
  const numbers = createBroadcast<number>()
  const reader = expanded(numbers.read(1), async () => {
    throw new TypeError('no')
  })
  await expect(reader.next()).rejects.toThrow('no')
})
