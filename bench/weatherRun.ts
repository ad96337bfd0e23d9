import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { readConfig } from '../src/config.ts'
import { openRecordLog } from '../src/keepers.ts'
import { stationDays } from '../src/weather/generator/stationDays.ts'
import { PRODUCER_DEFAULTS } from '../src/weather/producer/producer.ts'
import { PARTITIONS } from '../src/weather/questions.ts'
import { encodeReport } from '../src/weather/report.ts'
import { completeThroughHeader, rowIdHeaders } from '../src/weather/rowIdHeaders.ts'
import type { MoverLine, MoverPlan } from './weatherMover.ts'

const MOVER = join(import.meta.dirname, 'weatherMover.ts')
const DIST = join(import.meta.dirname, '../dist')
/** As many as the producer sends at once. */
const ROWS_PER_SEND = PRODUCER_DEFAULTS.batchRows
const ROWS_PER_DAY = 10

/** The environment of a topic and a storage folder that nobody has used. */
export function freshWeather(env: Readonly<Record<string, string>>): Record<string, string> {
  const name = `weather-${randomUUID()}`
  return {
    ...env,
    MILLRACE_STORAGE_URL: `${env.MILLRACE_STORAGE_URL!.replace(/\/$/, '')}/${name}`,
    MILLRACE_WEATHER_TOPIC: name,
  }
}

/** Fills the topic with the stations' first reports, as the producer sends them. */
export async function fillTopic(env: Readonly<Record<string, string>>, rows: number): Promise<void> {
  const config = readConfig(env)
  const { topic } = config.weather
  const log = await openRecordLog(config)
  const producer = log.producer()
  const days = stationDays()
  try {
    await log.createTopic(topic, { partitions: PARTITIONS, replication: 1 })
    for (let sent = 0; sent < rows; sent += ROWS_PER_SEND) {
      const complete = completeThroughHeader(sent)
      const some = Array.from({ length: Math.min(ROWS_PER_SEND, rows - sent) / ROWS_PER_DAY }, (_, day) =>
        days.reports(sent / ROWS_PER_DAY + day),
      ).flat()
      const records = some.map((report, index) => ({
        key: Buffer.from(report.stationId),
        value: encodeReport(report),
        headers: rowIdHeaders(sent + index + 1, complete),
      }))
      await producer.send(topic, records)
    }
  } finally {
    days.close()
    await producer.close()
    await log.close()
  }
}

export type MovedFile = Extract<MoverLine, { file: object }>['file']
export type MovedTotal = Extract<MoverLine, { total: object }>['total']

export interface Mover {
  files: MovedFile[]
  /** When it has ended by itself. */
  ended(): Promise<MovedTotal>
  /** Tells it to end, and waits for it. */
  stop(): Promise<MovedTotal>
}

/** weatherMover.ts as JavaScript over what is built: what strips types takes memory that Millrace does not. */
function builtMover(): string {
  const text = stripTypeScriptTypes(readFileSync(MOVER, 'utf8'))
  const file = join(DIST, 'benchWeatherMover.js')
  writeFileSync(file, text.replaceAll(/'\.\.\/src\/([^']+)\.ts'/g, "'./$1.js'"))
  return file
}

/** Starts weatherMover.ts in a process of its own, with the flags of `npm start`. */
export function startMover(env: Readonly<Record<string, string>>, plan: MoverPlan): Mover {
  const args = ['--max-semi-space-size=8', builtMover(), JSON.stringify(plan)]
  const child: ChildProcess = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const files: MovedFile[] = []
  let total: MovedTotal | undefined
  createInterface(child.stdout!).on('line', text => {
    const line = JSON.parse(text) as MoverLine
    if ('file' in line) files.push(line.file)
    else total = line.total
  })
  const closed = once(child, 'close')
  async function ended(): Promise<MovedTotal> {
    await closed
    if (total) return total
    throw new Error(`expected the mover to say what it did, it ended with ${child.exitCode ?? child.signalCode}`)
  }
  return {
    files,
    ended,
    stop() {
      child.kill('SIGTERM')
      return ended()
    },
  }
}
