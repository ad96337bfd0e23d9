import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MillraceError } from '../../../src/errors.ts'
import { createProducer } from '../../../src/weather/producer/createProducer.ts'
import type { ProducerOptions, ProducerStep } from '../../../src/weather/producer/producer.ts'
import { decodeReport } from '../../../src/weather/report.ts'
import { rowIdOf } from '../../../src/weather/rowIdHeaders.ts'
import { growingTable, type Slowness, stationOf, type VirtualTime, virtualTime, type Writer } from './growingTable.ts'
import { type MemoryLog, memoryLog, type SendFate } from './memoryLog.ts'

const PARTITIONS = 4
const MYSQL: Slowness = { listAge: 100, unlisted: 50, unreadable: 10 }
const SETTINGS = { batchRows: 7, partitions: PARTITIONS }
const ARRIVES: SendFate = { lost: [] }

/** Ends a run like kill -9 would: nothing after it is done. */
class Crash extends Error {}

/** Runs a producer until `done`, or until it crashes at a step. */
async function run(
  options: ProducerOptions,
  { done, crashAt }: { done?: () => boolean; crashAt?: (step: ProducerStep) => boolean },
): Promise<void> {
  const stop = new AbortController()
  const producer = createProducer({
    ...options,
    settings: { ...SETTINGS, ...options.settings },
    async onStep(step) {
      await options.onStep?.(step)
      if (crashAt?.(step)) throw new Crash(step)
    },
    source: {
      ...options.source,
      async rowsByKey(query, call) {
        const rows = await options.source.rowsByKey(query, call)
        if (rows.length === 0 && producer.state().caughtUp && done?.()) stop.abort()
        return rows
      },
    },
  })
  await producer.run(stop.signal).catch(error => {
    if (!(error instanceof Crash)) throw error
  })
}

const idsIn = (log: MemoryLog, partition: number) => log.partition(partition).map(({ headers }) => rowIdOf(headers)!)

/** What a sink keeps: of each partition, the rows above the largest id that it has. */
function stored(log: MemoryLog): number[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    let largest = 0
    return idsIn(log, partition).filter(id => {
      if (id <= largest) return false
      largest = id
      return true
    })
  }).flat()
}

const ascending = (ids: Iterable<number>) => [...ids].sort((one, other) => one - other)

const anyWriters: fc.Arbitrary<Writer[]> = fc.array(
  fc.record({
    startMillis: fc.nat(3_000),
    rows: fc.integer({ min: 1, max: 5 }),
    openMillis: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 2_000 })),
    commits: fc.oneof({ arbitrary: fc.constant(true), weight: 3 }, { arbitrary: fc.constant(false), weight: 1 }),
  }),
  { minLength: 1, maxLength: 40 },
)
const anyFate: fc.Arbitrary<SendFate> = fc.oneof(
  { arbitrary: fc.constant(ARRIVES), weight: 4 },
  {
    arbitrary: fc.record(
      {
        lost: fc.uniqueArray(fc.nat(PARTITIONS - 1), { minLength: 1 }),
        arriveAfterMillis: fc.nat(2_000),
      },
      { requiredKeys: ['lost'] },
    ),
    weight: 1,
  },
)
const anySlowness: fc.Arbitrary<Slowness> = fc.record({
  listAge: fc.nat(MYSQL.listAge),
  unlisted: fc.nat(MYSQL.unlisted),
  unreadable: fc.nat(MYSQL.unreadable),
})

test('whatever commits late, fails or crashes: every committed row is stored once, and no other', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyWriters,
      fc.array(anyFate, { maxLength: 40 }),
      fc.array(fc.nat(12), { maxLength: 8 }),
      fc.array(fc.nat(60), { maxLength: 5 }),
      anySlowness,
      async (writers, fates, crashes, failures, slowness) => {
        const time = virtualTime()
        let asked = 0
        const { source, committed, lastChangeMillis } = growingTable(writers, time, slowness, () =>
          failures.includes(asked++),
        )
        const sends = fates.values()
        const log = memoryLog(PARTITIONS, time, () => sends.next().value ?? ARRIVES)
        const options = { source, log, topic: 't', clock: time }
        for (const steps of crashes) {
          let left = steps
          await run(options, { done: () => time.nowMillis() > 10_000, crashAt: () => left-- === 0 })
        }
        await run(options, { done: () => time.nowMillis() > lastChangeMillis + 3_000 })
        expect(ascending(stored(log))).toEqual(ascending(committed))
        for (let partition = 0; partition < PARTITIONS; partition++) {
          for (const { value, headers } of log.partition(partition)) {
            const id = rowIdOf(headers)!
            expect(decodeReport(value)).toEqual({ stationId: stationOf(id), date: '2000-01-01', degrees: id / 3 })
          }
        }
      },
    ),
    { numRuns: 500 },
  )
})

describe('a row whose id is smaller than those of others that can be read', () => {
  /** Takes id 1 and is open until `end`; ids 2 and 3 can be read from the start. */
  function table(time: VirtualTime, first: Omit<Writer, 'startMillis' | 'rows'>) {
    const writers = [
      { ...first, startMillis: 0, rows: 1 },
      { startMillis: 0, rows: 2, openMillis: 0, commits: true },
    ]
    const made = growingTable(writers, time, MYSQL, () => false)
    time.pass(MYSQL.unreadable)
    return made
  }
  async function runUntilSent(first: Omit<Writer, 'startMillis' | 'rows'>, changes: Partial<ProducerOptions> = {}) {
    const time = virtualTime()
    const { source } = table(time, first)
    const log = memoryLog(PARTITIONS, time, () => ARRIVES)
    let sentAt = 0
    await run(
      {
        source: { ...source, ...changes.source },
        log,
        topic: 't',
        clock: time,
        onStep: step => {
          if (step === 'sent') sentAt = time.nowMillis()
        },
        ...(changes.settings && { settings: changes.settings }),
      },
      { done: () => sentAt > 0 },
    )
    return { ids: ascending(stored(log)), sentAt }
  }

  test('is waited for until its transaction commits', async () => {
    const { ids, sentAt } = await runUntilSent({ openMillis: 60_000, commits: true })
    expect(ids).toEqual([1, 2, 3])
    expect(sentAt).toBeGreaterThan(60_000)
  })

  test('is passed over when its transaction was rolled back', async () => {
    const { ids, sentAt } = await runUntilSent({ openMillis: 60_000, commits: false })
    expect(ids).toEqual([2, 3])
    expect(sentAt).toBeGreaterThan(60_000)
  })

  test('holds up the others for a moment only where nobody can have taken it', async () => {
    const { sentAt } = await runUntilSent({ openMillis: 0, commits: false })
    expect(sentAt).toBeLessThan(1_000)
  })

  test('is waited for as long as configured where the source does not show its transactions', async () => {
    const time = virtualTime()
    const { source } = table(time, { openMillis: 4_000, commits: true })
    const log = memoryLog(PARTITIONS, time, () => ARRIVES)
    let sentAt = 0
    let trouble: string | null = null
    const stop = new AbortController()
    const producer = createProducer({
      source: { ...source, openTransactions: async () => undefined },
      log,
      topic: 't',
      clock: {
        ...time,
        async pause(millis, signal) {
          trouble ??= producer.state().trouble
          await time.pause(millis, signal)
        },
      },
      settings: { ...SETTINGS, blindWaitMillis: 5_000 },
      onStep: step => {
        if (step === 'sent') {
          sentAt = time.nowMillis()
          stop.abort()
        }
      },
    })
    await producer.run(stop.signal)
    expect(ascending(stored(log))).toEqual([1, 2, 3])
    expect(sentAt).toBeGreaterThan(5_000)
    expect(trouble).toContain('row 1 is not there')
  })
})

describe('a producer that starts', () => {
  const rows = (count: number): Writer[] => [{ startMillis: 0, rows: count, openMillis: 0, commits: true }]
  function world(count: number) {
    const time = virtualTime()
    const { source } = growingTable(rows(count), time, MYSQL, () => false)
    time.pass(MYSQL.unreadable)
    const log = memoryLog(PARTITIONS, time, () => ARRIVES)
    return { time, log, options: { source, log, topic: 't', clock: time } }
  }
  const records = (log: MemoryLog) => Array.from({ length: PARTITIONS }, (_, partition) => idsIn(log, partition)).flat()
  const caughtUp = { done: () => true }

  test('again where all was sent sends nothing twice', async () => {
    const { log, options } = world(30)
    await run(options, caughtUp)
    await run(options, caughtUp)
    expect(ascending(records(log))).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
  })

  test('after a single send of all rows reads them no more', async () => {
    const { log, options } = world(30)
    const atOnce = { ...options, settings: { batchRows: 100 } }
    await run(atOnce, caughtUp)
    const ends = [0, 1, 2, 3].map(partition => idsIn(log, partition).at(-1)!)
    const asked: number[] = []
    const rowsByKey: typeof options.source.rowsByKey = (query, call) => {
      if (query.after !== undefined) asked.push(query.after)
      return options.source.rowsByKey(query, call)
    }
    await run({ ...atOnce, source: { ...options.source, rowsByKey } }, caughtUp)
    expect(asked[0]).toBe(Math.min(...ends))
  })

  test('after a send that was acknowledged in part sends the other part only', async () => {
    const { time, log, options } = world(7)
    const own = memoryLog(PARTITIONS, time, () => ({ lost: [0, 1] }))
    await run({ ...options, log: own }, { crashAt: step => step === 'resumed' && own.partition(2).length > 0 })
    for (const partition of [2, 3]) log.partition(partition).push(...own.partition(partition))
    const before = records(log).length
    expect(before).toBeGreaterThan(0)
    await run(options, caughtUp)
    expect(ascending(records(log))).toEqual([1, 2, 3, 4, 5, 6, 7])
  })

  test('goes on behind records that others put on top of its own', async () => {
    const { log, options } = world(30)
    await run(options, caughtUp)
    const last = log.partition(1).at(-1)!
    for (let more = 1; more <= 2_000; more++)
      log.partition(1).push({ ...last, offset: last.offset + more, headers: [] })
    await run(options, caughtUp)
    expect(ascending(stored(log).filter(Boolean))).toHaveLength(30)
  })

  test('where only one partition has records left goes on from those', async () => {
    const { log, options } = world(30)
    await run(options, caughtUp)
    const kept = [0, 1, 2, 3].find(partition => log.partition(partition).length > 0)!
    const before = idsIn(log, kept)
    for (const partition of [0, 1, 2, 3]) {
      if (partition !== kept) log.expire(partition, log.partition(partition).length)
    }
    await run(options, caughtUp)
    const again = records(log).filter(id => !before.includes(id))
    expect(again.length).toBeLessThanOrEqual(SETTINGS.batchRows)
    expect(idsIn(log, kept)).toEqual(before)
  })

  test('where the log has dropped everything begins anew: what is stored is dropped later', async () => {
    const { log, options } = world(30)
    await run(options, caughtUp)
    for (const partition of [0, 1, 2, 3]) log.expire(partition, log.partition(partition).length)
    await run(options, caughtUp)
    expect(records(log)).toHaveLength(30)
  })

  test('refuses a topic of a producer that does not say what it has sent', async () => {
    const { log, options } = world(30)
    await log.createTopic('t', { partitions: PARTITIONS, replication: 1 })
    log.partition(2).push({ offset: 0, timestampMillis: 0, key: null, value: null, headers: [] })
    await expect(run(options, caughtUp)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('another'),
      hint: expect.stringContaining('--recreate-topic'),
    })
    await run({ ...options, settings: { recreateTopic: true } }, caughtUp)
    expect(records(log)).toHaveLength(30)
  })

  test('with recreateTopic makes it anew once, not after each failure', async () => {
    const { log, options } = world(30)
    await run(options, caughtUp)
    let removed = 0
    let failed = false
    const failing: MemoryLog = {
      ...log,
      async removeTopic(topic) {
        removed += 1
        await log.removeTopic(topic)
      },
      async offsets(topic, partitions) {
        if (!failed) {
          failed = true
          throw new MillraceError('UNAVAILABLE', 'the log is away')
        }
        return await log.offsets(topic, partitions)
      },
    }
    await run({ ...options, log: failing, settings: { recreateTopic: true } }, caughtUp)
    expect(removed).toBe(1)
    expect(records(log)).toHaveLength(30)
  })

  test('refuses a table that has not the rows that the topic has', async () => {
    const { log, options } = world(30)
    await run(options, caughtUp)
    const anew = world(3).options.source
    await expect(run({ ...options, source: anew }, caughtUp)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/row \d+ of table "temperatures".* is 3\b/),
    })
    expect(records(log)).toHaveLength(30)
  })
})

test('rows that no Report can hold are sent all the same, as what the reader of the log will tell of', async () => {
  const time = virtualTime()
  const { source } = growingTable([], time, MYSQL, () => false)
  const log = memoryLog(PARTITIONS, time, () => ARRIVES)
  const rows = [
    [1, null, '2000-01-01', 1],
    [2, 'StationA', null, 1],
    [3, 'StationA', '2000-01-01', null],
    [4, 'StationA', '2000-01-01', '2.5'],
  ]
  const stop = new AbortController()
  const producer = createProducer({
    source: {
      ...source,
      async rowsByKey({ after = 0, descending }) {
        if (after === 4) stop.abort()
        return descending ? rows.slice(-1) : rows.slice(after)
      },
    },
    log,
    topic: 't',
    clock: time,
  })
  await producer.run(stop.signal)
  const sent = [0, 1, 2, 3].flatMap(partition => log.partition(partition))
  const decoded = sent.map(({ headers, value }) => [rowIdOf(headers), decodeReport(value)] as const)
  expect(new Map(decoded)).toEqual(
    new Map<number, object>([
      [1, { problem: 'the station_id is missing' }],
      [2, { problem: 'the date is missing' }],
      [3, { problem: 'the degrees are NaN' }],
      [4, { stationId: 'StationA', date: '2000-01-01', degrees: 2.5 }],
    ]),
  )
})
