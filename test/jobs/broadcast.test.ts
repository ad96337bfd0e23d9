import { describe, expect, it } from 'vitest'
import { createBroadcast } from '../../src/jobs/broadcast.ts'

describe('one writer and many readers', () => {
  it('gives a slow reader the newest value only', async () => {
    const broadcast = createBroadcast<number>()
    const reader = broadcast.read(0)
    for (let value = 1; value <= 1_000; value++) broadcast.publish(value)
    broadcast.end()
    const seen: number[] = []
    for await (const value of reader) seen.push(value)
    expect(seen).toEqual([1_000])
  })

  it('keeps as many values for a slow reader as it was told to, and drops the oldest', async () => {
    const broadcast = createBroadcast<number>({ keep: 3 })
    const reader = broadcast.read()
    for (let value = 1; value <= 1_000; value++) broadcast.publish(value)
    broadcast.end()
    const seen: number[] = []
    for await (const value of reader) seen.push(value)
    expect(seen).toEqual([998, 999, 1_000])
  })

  it('gives each waiting reader each value', async () => {
    const broadcast = createBroadcast<string>()
    const readers = [broadcast.read('first'), broadcast.read('first')]
    for (const reader of readers) expect(await reader.next()).toEqual({ value: 'first', done: false })
    const next = readers.map(reader => reader.next())
    broadcast.publish('second')
    expect(await Promise.all(next)).toEqual([
      { value: 'second', done: false },
      { value: 'second', done: false },
    ])
  })

  it('frees a reader that stops, also one that waits', async () => {
    const broadcast = createBroadcast<number>()
    const left = broadcast.read(0)
    const stays = broadcast.read(0)
    expect(broadcast.readers).toBe(2)
    await left.next()
    const waiting = left.next()
    await left.return?.()
    expect(await waiting).toEqual({ value: undefined, done: true })
    expect(broadcast.readers).toBe(1)
    expect((await stays.next()).done).toBe(false)
  })

  it('frees a reader that breaks out of its loop', async () => {
    const broadcast = createBroadcast<number>()
    for await (const _ of broadcast.read(0)) break
    expect(broadcast.readers).toBe(0)
  })

  it('frees all readers at its end, and ends those that come later after their first value', async () => {
    const broadcast = createBroadcast<number>()
    const reader = broadcast.read(0)
    broadcast.end()
    expect(broadcast.readers).toBe(0)
    expect([await reader.next(), await reader.next()]).toEqual([
      { value: 0, done: false },
      { value: undefined, done: true },
    ])
    const late = broadcast.read(7)
    expect(broadcast.readers).toBe(0)
    expect((await late.next()).value).toBe(7)
    expect((await late.next()).done).toBe(true)
  })
})
