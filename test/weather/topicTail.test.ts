import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/datasources/clock.ts'
import type { Log } from '../../src/datasources/log.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { MillraceError } from '../../src/errors.ts'
import { topicTail } from '../../src/weather/topicTail.ts'

const TOPIC = 'temperatures'
let folder: string
let log: Log
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-tail-'))
  log = sqliteLog({ file: join(folder, 'log.sqlite') })
})
afterEach(async () => {
  await log.close()
  rmSync(folder, { recursive: true })
})

const makeTopic = () => log.createTopic(TOPIC, { partitions: 2, replication: 1 })

async function send(partition: number, ...texts: string[]): Promise<void> {
  const producer = log.producer()
  await producer.send(
    TOPIC,
    texts.map(text => ({ key: Buffer.from('key'), value: Buffer.from(text), partition })),
  )
  await producer.close()
}

/** Reads in the background; `changed` replaces methods of the log. */
function read(changed: Partial<Log> = {}) {
  const stop = new AbortController()
  const seen: string[] = []
  const troubles: string[] = []
  let fetches = 0
  const watched: Log = {
    ...log,
    fetch: (...parameters) => {
      fetches += 1
      return log.fetch(...parameters)
    },
    ...changed,
  }
  const ended = topicTail({
    log: watched,
    topic: TOPIC,
    clock: systemClock,
    signal: stop.signal,
    onRecord: (partition, { value }) => void seen.push(`${partition} ${Buffer.from(value!).toString()}`),
    onTrouble: problem => void troubles.push(problem),
  })
  return {
    seen,
    troubles,
    reads: () => expect.poll(() => fetches, { interval: 5, timeout: 5_000 }).toBeGreaterThanOrEqual(2),
    async stops() {
      stop.abort()
      await ended
    },
  }
}

test('reads from the live end on, and nothing before it', async () => {
  await makeTopic()
  await send(0, 'old')
  await send(1, 'old')
  const reading = read()
  await reading.reads()
  await send(1, 'new', 'newer')
  await send(0, 'new')
  await expect.poll(() => reading.seen.toSorted()).toEqual(['0 new', '1 new', '1 newer'])
  await reading.stops()
})

test('waits for a topic and reads it whole', async () => {
  const reading = read()
  await makeTopic()
  await send(0, 'first')
  await expect.poll(() => reading.seen).toEqual(['0 first'])
  await reading.stops()
  expect(reading.troubles).toEqual([])
})

test('begins again where the topic was removed and made anew', async () => {
  await makeTopic()
  await send(0, 'old', 'older')
  const reading = read()
  await reading.reads()
  await log.removeTopic(TOPIC)
  await makeTopic()
  await send(0, 'anew')
  await expect.poll(() => reading.seen, { timeout: 5_000 }).toEqual(['0 anew'])
  await reading.stops()
})

test('goes on after the log did not answer, and says so once', async () => {
  await makeTopic()
  let failures = 3
  const reading = read({
    partitions: async topic => {
      if (failures-- > 0) throw new MillraceError('UNAVAILABLE', 'No broker answers.')
      return log.partitions(topic)
    },
  })
  await reading.reads()
  await send(0, 'new')
  await expect.poll(() => reading.seen, { timeout: 5_000 }).toEqual(['0 new'])
  expect(reading.troubles).toEqual(['No broker answers.'])
  await reading.stops()
})

test('ends at once where it is told to, also while it waits', async () => {
  const reading = read()
  await reading.stops()
  await makeTopic()
  const other = read()
  await other.reads()
  await other.stops()
})

test('a refusal ends it', async () => {
  const refused = async () => {
    throw new MillraceError('FORBIDDEN', 'Wrong password.')
  }
  const stop = new AbortController()
  const reading = topicTail({
    log: { ...log, partitions: refused },
    topic: TOPIC,
    clock: systemClock,
    signal: stop.signal,
    onRecord: () => {},
    onTrouble: () => {},
  })
  await expect(reading).rejects.toMatchObject({ code: 'FORBIDDEN' })
})
