import { describe, expect, test } from 'vitest'
import type { OutgoingRecord } from '../../src/datasources/log.ts'
import { createConveyor } from '../../src/files/send/conveyor.ts'

const record = (name: string, bytes = 1): OutgoingRecord => ({ key: Buffer.from(name), value: Buffer.alloc(bytes) })
const nameOf = ({ key }: OutgoingRecord) => Buffer.from(key).toString()

/** A log that takes a send when it is told to. */
function slowLog() {
  const sends: { names: string[]; take: () => void; refuse: (error: Error) => void }[] = []
  const send = (records: OutgoingRecord[]) => {
    const { promise, resolve: take, reject: refuse } = Promise.withResolvers<void>()
    sends.push({ names: records.map(nameOf), take, refuse })
    return promise
  }
  return { sends, send }
}

/** Lets everything go on that can. */
const settle = () => new Promise(resolve => setImmediate(resolve))

describe('a conveyor', () => {
  test('sends what came meanwhile together, one send after the other, in order', async () => {
    const { sends, send } = slowLog()
    const conveyor = createConveyor(send, { mostBytes: 100, mostRecords: 100 })
    const sent: string[] = []
    for (const name of ['a', 'b', 'c']) await conveyor.put(record(name), () => void sent.push(name))
    expect(sends.map(({ names }) => names)).toEqual([['a']])
    sends[0]!.take()
    await settle()
    expect(sent).toEqual(['a'])
    expect(sends.map(({ names }) => names)).toEqual([['a'], ['b', 'c']])
    const drained = conveyor.drain()
    sends[1]!.take()
    await drained
    expect(sent).toEqual(['a', 'b', 'c'])
  })

  test.each([
    ['bytes', { mostBytes: 10, mostRecords: 100 }, 6],
    ['records', { mostBytes: 100, mostRecords: 2 }, 1],
  ])('has room for so many %s, and then lets its user wait', async (_, bounds, bytes) => {
    const { sends, send } = slowLog()
    const conveyor = createConveyor(send, bounds)
    await conveyor.put(record('on its way', bytes), () => {})
    await conveyor.put(record('waits', bytes), () => {})
    let isIn = false
    const third = conveyor
      .put(record('too much', bytes), () => {})
      .then(() => {
        isIn = true
      })
    await settle()
    expect(isIn).toBe(false)
    sends[0]!.take()
    await third
    expect(sends[1]!.names).toEqual(['waits', 'too much'])
    sends[1]!.take()
    await conveyor.drain()
  })

  test('tells a failure to whoever waits, puts or drains, and sends nothing behind it', async () => {
    const { sends, send } = slowLog()
    const conveyor = createConveyor(send, { mostBytes: 2, mostRecords: 100 })
    const sent: string[] = []
    await conveyor.put(record('a'), () => void sent.push('a'))
    await conveyor.put(record('b'), () => void sent.push('b'))
    const waiting = conveyor.put(record('c'), () => void sent.push('c'))
    sends[0]!.refuse(new Error('no room in the log'))
    await expect(waiting).rejects.toThrow('no room in the log')
    await expect(conveyor.put(record('d'), () => {})).rejects.toThrow('no room in the log')
    await expect(conveyor.drain()).rejects.toThrow('no room in the log')
    expect([sends.length, sent]).toEqual([1, []])
  })

  test('that carries nothing is drained', async () => {
    await createConveyor(() => Promise.resolve(), { mostBytes: 1, mostRecords: 1 }).drain()
  })
})
