import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { waitUntil } from '../harness/wait.ts'
import { readConfig } from '../src/config.ts'
import type { Log, LogRecord } from '../src/datasources/log.ts'
import { createTopicReader } from '../src/files/track/topicReader.ts'
import { decodeStatus } from '../src/files/wire/status.ts'
import { type FileTopics, fileTopics } from '../src/files/wire/topics.ts'
import { openRecordLog } from '../src/recordLog.ts'
import { cpuMillisOf, memoryOf } from './server.ts'

const CLI = join(import.meta.dirname, '../dist/cli.js')
const LOOK_MILLIS = 50
const READY_WITHIN_MILLIS = 60_000

export type Environment = Readonly<Record<string, string>>

export interface Usage {
  cpuSeconds: number
  peakResidentMb: number
}

/** A program whose use of the processor and of memory is watched. */
export interface Program {
  /** Lines that it printed on stdout. */
  lines: string[]
  /** As of the last look, which is the last one for a program that has ended. */
  usage(): Usage
  signal(name: 'SIGTERM' | 'SIGKILL'): void
  /** Resolves when it has ended and its output is read; throws where it has failed, unless it was told to end. */
  ended(): Promise<void>
}

export function startProgram(command: string, args: readonly string[], env: Environment = {}): Program {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const lines: string[] = []
  let usage: Usage = { cpuSeconds: 0, peakResidentMb: 0 }
  let told = false
  createInterface(child.stdout).on('line', line => void lines.push(line))
  const timer = setInterval(() => void look().catch(() => {}), LOOK_MILLIS)
  void closed.then(() => clearInterval(timer))

  async function look(): Promise<void> {
    const [cpuMillis, peakResidentMb] = await Promise.all([cpuMillisOf(child.pid!), memoryOf(child.pid!, 'VmHWM')])
    // What has ended and is not yet waited for has no memory any more.
    if (!Number.isNaN(peakResidentMb)) usage = { cpuSeconds: cpuMillis / 1_000, peakResidentMb }
  }

  return {
    lines,
    usage: () => usage,
    signal(name) {
      told = true
      child.kill(name)
    },
    async ended() {
      await closed
      if (child.exitCode !== 0 && !told) throw new Error(`${commandOf(child)} failed: ${lines.at(-1)}`)
    },
  }
}

/** `millrace files <words>`, as users run it. */
export function startFiles(env: Environment, words: readonly string[]): Program {
  return startProgram(process.execPath, [CLI, 'files', ...words], env)
}

/** Topics that nobody has used, and what was seen of them. */
export interface FilesTopics {
  env: Environment
  prefix: string
  topics: FileTopics
  log: Log
  /** Records that came since the last call. */
  news(topic: keyof FileTopics): Promise<LogRecord[]>
  /** Until this receiver has said that it has nothing to do. */
  untilIdle(machine: string): Promise<void>
  /** Removes the topics, for they take as much of the disk as the files. */
  close(): Promise<void>
}

export async function freshFiles(clusterEnv: Environment, settings: Environment = {}): Promise<FilesTopics> {
  const prefix = `bench-${randomUUID()}-`
  const env = { ...clusterEnv, MILLRACE_FILES_TOPIC_PREFIX: prefix, ...settings }
  const topics = fileTopics(prefix)
  const log = await openRecordLog(readConfig(env))
  for (const { name, partitions } of Object.values(topics)) await log.createTopic(name, { partitions, replication: 1 })
  const readers = new Map(
    (['blocks', 'acknowledgments', 'status'] as const).map(topic => [
      topic,
      createTopicReader({
        log,
        topic: topics[topic].name,
        lookBackRecords: Number.POSITIVE_INFINITY,
        onNewTopic: () => {},
      }),
    ]),
  )

  async function news(topic: keyof FileTopics): Promise<LogRecord[]> {
    const records: LogRecord[] = []
    await readers.get(topic)!.read(record => void records.push(record))
    return records
  }

  return {
    env,
    prefix,
    topics,
    log,
    news,
    async untilIdle(machine) {
      await waitUntil({ description: `${machine} to wait for blocks`, timeoutMillis: READY_WITHIN_MILLIS }, async () =>
        (await news('status')).some(({ value }) => {
          const status = decodeStatus(value)
          return !('problem' in status) && status.machine === machine && status.state === 'idle'
        }),
      )
    },
    async close() {
      for (const { name } of Object.values(topics)) await log.removeTopic(name)
      await log.close()
    },
  }
}

function commandOf({ spawnargs }: ChildProcess): string {
  return spawnargs.slice(1, 4).join(' ')
}
