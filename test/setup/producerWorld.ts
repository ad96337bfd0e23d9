import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { waitUntil } from '../../harness/wait.ts'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { partitionOfKey } from '../../src/datasources/keyPartition.ts'
import type { Log, LogRecord, OffsetRange } from '../../src/datasources/log.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import { hasCode } from '../../src/errors.ts'
import { dateOf, STATIONS } from '../../src/weather/generator/stationDays.ts'
import type { ProducerStep } from '../../src/weather/producer/producer.ts'
import { decodeReport } from '../../src/weather/report.ts'
import { rowIdOf } from '../../src/weather/rowIdHeaders.ts'
import { TEMPERATURES } from '../../src/weather/temperaturesTable.ts'
import { kafkaOptions } from './kafkaOptions.ts'
import { createMysqlDatabase, type MysqlDatabase } from './mysqlDatabase.ts'
import type { ProducerPlan } from './producerProcess.ts'

const PARTITIONS = [0, 1, 2, 3]
const PROGRAM = join(import.meta.dirname, 'producerProcess.ts')

/** A table and a topic of their own on real systems, and what can be seen of both. */
export interface ProducerWorld {
  database: MysqlDatabase
  topic: string
  log: Log
  /** Commits so many rows, one after the other; every `gapEvery`th id is taken and rolled back. */
  addRows(rows: number, gapEvery?: number): Promise<void>
  /** In a process of its own, which kills itself at the step; resolves when it is dead. */
  crash(crash: NonNullable<ProducerPlan['crash']>, changes?: Partial<ProducerPlan>): Promise<void>
  /** In a process of its own, which goes on until it is told to stop. */
  start(changes?: Partial<ProducerPlan>): StartedProducer
  /** Rows of the source, and of the log what a sink keeps: of each partition the rows above the largest id that came before. */
  look(): Promise<{ source: Map<number, string>; stored: Map<number, string>; doubles: number; holes: number[] }>
  /** Waits until the log has every row of the source. */
  untilAllSent(timeoutMillis?: number): Promise<void>
  close(): Promise<void>
}

export interface StartedProducer {
  /** Resolves when it has taken the step so many times since it began. */
  until(step: ProducerStep, times?: number): Promise<void>
  /** SIGSTOP makes it stand still, SIGCONT go on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  /** Tells it to end, and resolves with how it did: [0, null] for a good end. */
  stop(signal: NodeJS.Signals): Promise<[code: number | null, signal: NodeJS.Signals | null]>
}

export async function openProducerWorld(env: Readonly<Record<string, string>>): Promise<ProducerWorld> {
  const database = await createMysqlDatabase(env.MILLRACE_SOURCE_URL!)
  const logUrl = env.MILLRACE_LOG_URL!
  const topic = `weather-${randomUUID()}`
  const log = kafkaLog(kafkaOptions(logUrl))
  const source = mysqlSource({ url: database.url })
  await source.createTable(TEMPERATURES)
  await source.close()
  const started: ChildProcess[] = []
  let added = 0

  function spawnProducer(changes: Partial<ProducerPlan>): ChildProcess {
    const plan: ProducerPlan = { sourceUrl: database.url, logUrl, topic, batchRows: 10, ...changes }
    const child = spawn(process.execPath, [PROGRAM, JSON.stringify(plan)], { stdio: ['ignore', 'pipe', 'inherit'] })
    started.push(child)
    return child
  }

  function start(changes: Partial<ProducerPlan> = {}): StartedProducer {
    const child = spawnProducer(changes)
    const steps: string[] = []
    createInterface(child.stdout!).on('line', step => void steps.push(step))
    return {
      until: (step, times = 1) =>
        waitUntil(
          {
            description: `"${step}" for the ${times}. time`,
            timeoutMillis: 30_000,
            pollMillis: 10,
            detail: () => steps.slice(-9).join(', '),
          },
          () => steps.filter(taken => taken === step).length >= times,
        ),
      signal: name => void child.kill(name),
      async stop(signal) {
        const exit = once(child, 'exit')
        child.kill(signal)
        return (await exit) as [number | null, NodeJS.Signals | null]
      },
    }
  }

  async function sourceRows(): Promise<Map<number, string>> {
    // Its own connection, for the server may have been restarted since; prepared, for only so are doubles exact.
    const connection = await createConnection({ uri: database.url, dateStrings: true })
    try {
      const sql = `SELECT id, station_id, date, degrees FROM ${TEMPERATURES.name} ORDER BY id`
      const [rows] = await connection.execute<RowDataPacket[]>(sql)
      return new Map(rows.map(({ id, station_id, date, degrees }) => [Number(id), `${station_id} ${date} ${degrees}`]))
    } finally {
      await connection.end()
    }
  }

  /** Of all partitions; none while there is no topic. */
  async function allRecords(): Promise<LogRecord[][]> {
    try {
      const ranges = await log.offsets(topic, PARTITIONS)
      return await Promise.all(ranges.map((range, partition) => recordsOf(partition, range)))
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return []
      throw error
    }
  }

  async function recordsOf(partition: number, { begin, end }: OffsetRange): Promise<LogRecord[]> {
    const all: LogRecord[] = []
    for (let offset = begin; offset < end; ) {
      const from = { offset, maxBytes: 1 << 20, waitMillis: 1_000 }
      const { records, nextOffset } = await log.fetch(topic, partition, from)
      all.push(...records)
      offset = nextOffset
    }
    return all
  }

  async function look() {
    // The log first: what it has must be in the source.
    const logged = await allRecords()
    const source = await sourceRows()
    const stored = new Map<number, string>()
    const largest = PARTITIONS.map(() => 0)
    let doubles = 0
    for (const [partition, records] of logged.entries()) {
      for (const { headers, value } of records) {
        const id = rowIdOf(headers)!
        if (id <= largest[partition]!) {
          doubles += 1
          continue
        }
        largest[partition] = id
        const report = decodeReport(value)
        stored.set(id, 'problem' in report ? report.problem : [report.stationId, report.date, report.degrees].join(' '))
      }
    }
    const isHole = (id: number, row: string) =>
      id <= largest[partitionOfKey(Buffer.from(row.split(' ')[0]!), PARTITIONS.length)]! && !stored.has(id)
    const holes = [...source].filter(([id, row]) => isHole(id, row)).map(([id]) => id)
    return { source, stored, doubles, holes }
  }

  return {
    database,
    topic,
    log,
    async addRows(rows, gapEvery = Number.POSITIVE_INFINITY) {
      const connection = await createConnection(database.url)
      const insert = `INSERT INTO ${TEMPERATURES.name} (station_id, date, degrees) VALUES (?, ?, ?)`
      try {
        for (let row = 0; row < rows; row++, added++) {
          const values = [STATIONS[added % 10]!, dateOf(Math.floor(added / 10)), added / 7]
          if (row % gapEvery === gapEvery - 1) {
            await connection.beginTransaction()
            await connection.execute(insert, values)
            await connection.rollback()
          }
          await connection.execute(insert, values)
        }
      } finally {
        connection.destroy()
      }
    },
    start,
    async crash(crash, changes) {
      const child = spawnProducer({ ...changes, crash })
      child.stdout!.resume()
      const late = setTimeout(() => child.kill('SIGTERM'), 60_000)
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
      clearTimeout(late)
      if (signal !== 'SIGKILL')
        throw new Error(`expected a producer that dies at "${crash.step}", it ended with ${code ?? signal}`)
    },
    look,
    async untilAllSent(timeoutMillis = 60_000) {
      let missing = 0
      await waitUntil(
        { description: 'all rows to be in the log', timeoutMillis, detail: () => `${missing} are not` },
        async () => {
          const { source, stored } = await look()
          missing = [...source.keys()].filter(id => !stored.has(id)).length
          return missing === 0
        },
      )
    },
    async close() {
      for (const child of started) child.kill('SIGKILL')
      await log.removeTopic(topic)
      await log.close()
      await database.drop()
    },
  }
}
