import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { waitUntil } from '../../harness/wait.ts'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import type { LogProducer } from '../../src/datasources/log.ts'
import type { FileStatus, Storage } from '../../src/datasources/storage.ts'
import { nameOf } from '../../src/datasources/storagePath.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { hasCode } from '../../src/errors.ts'
import { DATA_FOLDER, parseBatchName, visibleSet, withoutHoles } from '../../src/weather/files/names.ts'
import { openBatchFile, rowsOf } from '../../src/weather/files/openBatchFile.ts'
import { dateOf, STATIONS } from '../../src/weather/generator/stationDays.ts'
import { encodeReport } from '../../src/weather/report.ts'
import { completeThroughHeader, rowIdHeaders } from '../../src/weather/rowIdHeaders.ts'
import type { BatchMeta } from '../../src/weather/sink/batchCodec.ts'
import { checkpointPath } from '../../src/weather/sink/paths.ts'
import { checkpoint } from '../../src/weather/sink/records.ts'
import { kafkaOptions } from './kafkaOptions.ts'
import { type RunningProcess, startProcess } from './runningProcess.ts'
import type { SinkPlan } from './sinkProcess.ts'

const PROGRAM = join(import.meta.dirname, 'sinkProcess.ts')
const PARTITION = 0

/** A topic and a storage of their own on real systems, and sinks in processes that can be killed and stopped. */
export interface SinkWorld {
  storage: Storage
  /** Rows with the next ids; every so often the last few come again, as from a producer that was not sure. */
  sendRows(rows: number): Promise<void>
  /** What is no row. */
  sendUndecodable(): Promise<void>
  start(changes?: Partial<SinkPlan>): RunningProcess
  /** Reads every file that readers see now; throws what is wrong with them, or with the checkpoint. */
  look(): Promise<Stored>
  /** Waits until the files hold all that was sent, then looks. */
  untilStored(timeoutMillis?: number): Promise<Stored>
  /** What of the rows sent is missing or doubled, in words; nothing where all is right. */
  problems(stored: Stored): string[]
  close(): Promise<void>
}

export interface Stored {
  files: number
  rowIds: number[]
  /** Rows that are not as they were sent. */
  wrong: number[]
  endOffset: number
  deadLetters: number
}

interface ReadFile {
  meta: BatchMeta
  rowIds: number[]
  wrong: number[]
}

export async function openSinkWorld(env: Readonly<Record<string, string>>): Promise<SinkWorld> {
  const name = `sink-${randomUUID()}`
  const logUrl = env.MILLRACE_LOG_URL!
  const storageUrl = `${env.MILLRACE_STORAGE_URL!}/${name}`
  const log = kafkaLog(kafkaOptions(logUrl))
  const storage = webHdfsStorage(parseWebHdfsUrl(storageUrl))
  await log.createTopic(name, { partitions: 1, replication: 1 })
  const producer: LogProducer = log.producer()
  const started: RunningProcess[] = []
  const known = new Map<string, ReadFile>()
  let sent = 0

  const rowOf = (id: number) => ({ stationId: STATIONS[id % 10]!, date: dateOf(Math.floor(id / 10)), degrees: id / 7 })
  const recordOf = (id: number) => {
    const row = rowOf(id)
    const headers = rowIdHeaders(id, completeThroughHeader(0))
    return { key: Buffer.from(row.stationId), value: encodeReport(row), headers, partition: PARTITION }
  }

  async function sendRows(rows: number): Promise<void> {
    const again = Array.from({ length: Math.min(3, sent) }, (_, index) => sent - index).reverse()
    const ids = Array.from({ length: rows }, (_, index) => sent + 1 + index)
    await producer.send(name, [...again, ...ids].map(recordOf))
    sent += rows
  }

  async function readFile(status: FileStatus): Promise<ReadFile> {
    const file = await openBatchFile(storage, status)
    const read: ReadFile = { meta: file.meta, rowIds: [], wrong: [] }
    for (const part of file.parts) {
      const rows = rowsOf(await file.columns(part), await file.rowIds(part))
      for (const [index, id] of rows.rowIds.entries()) {
        const { stationId, date, degrees } = rowOf(id)
        const same =
          rows.stationIds[index] === stationId && rows.dates[index] === date && rows.degrees[index] === degrees
        if (!same) read.wrong.push(id)
        read.rowIds.push(id)
      }
    }
    return read
  }

  async function look(): Promise<Stored> {
    const statuses = await storage.list(DATA_FOLDER)
    const found = statuses.flatMap(status => {
      const range = parseBatchName(nameOf(status.path))
      return range ? [{ ...range, status }] : []
    })
    const { visible } = withoutHoles(PARTITION, visibleSet(found))
    const stored: Stored = { files: visible.length, rowIds: [], wrong: [], endOffset: 0, deadLetters: 0 }
    for (const { status } of visible) {
      const version = `${status.path} ${status.fileId}`
      const read = known.get(version) ?? (await readFile(status))
      known.set(version, read)
      if (read.meta.firstOffset !== stored.endOffset) throw new Error(`${status.path} does not follow on`)
      stored.endOffset = read.meta.endOffset
      stored.deadLetters += read.meta.deadLetters
      stored.rowIds.push(...read.rowIds)
      stored.wrong.push(...read.wrong)
    }
    if (stored.files > 0) await lookAtCheckpoint()
    return stored
  }

  /** It may be replaced at any time, but what is there is always whole. */
  async function lookAtCheckpoint(): Promise<void> {
    const path = checkpointPath(PARTITION)
    try {
      const before = await storage.stat(path)
      const bytes = await storage.read(path, { offset: 0, length: before.length })
      const after = await storage.stat(path)
      if (before.fileId === after.fileId) checkpoint.parse(JSON.parse(Buffer.from(bytes).toString()))
    } catch (error) {
      // Replaced while it was read, or the process was killed before it wrote the first one.
      if (!hasCode(error, 'NOT_FOUND', 'DATA_LOST')) throw error
    }
  }

  return {
    storage,
    sendRows,
    sendUndecodable: () =>
      producer.send(name, [{ key: Buffer.from('?'), value: Buffer.from('no Report'), partition: PARTITION }]),
    start(changes = {}) {
      const settings = { batchRows: 20, batchAgeMillis: 300, ...changes.settings }
      const plan: SinkPlan = { logUrl, storageUrl, topic: name, ...changes, settings }
      const running = startProcess(process.execPath, [PROGRAM, JSON.stringify(plan)], process.env)
      started.push(running)
      return running
    },
    look,
    async untilStored(timeoutMillis = 120_000) {
      const [range] = await log.offsets(name, [PARTITION])
      let endOffset = 0
      const detail = () => `they end at ${endOffset}, the log at ${range!.end}; ${started.at(-1)?.output() ?? ''}`
      await waitUntil({ description: 'all records to be in files', timeoutMillis, detail }, async () => {
        endOffset = (await look()).endOffset
        return endOffset === range!.end
      })
      return await look()
    },
    problems({ rowIds, wrong }) {
      const counts = new Map<number, number>()
      for (const id of rowIds) counts.set(id, (counts.get(id) ?? 0) + 1)
      const missing = Array.from({ length: sent }, (_, index) => index + 1).filter(id => !counts.has(id))
      const doubled = [...counts].filter(([, count]) => count > 1).map(([id]) => id)
      const unknown = [...counts.keys()].filter(id => id > sent)
      const named = { missing, doubled, wrong, unknown }
      return Object.entries(named).flatMap(([what, ids]) => (ids.length > 0 ? [`${what}: ${ids.join(', ')}`] : []))
    },
    async close() {
      for (const { child } of started) child.kill('SIGKILL')
      await Promise.all(started.map(({ ended }) => ended))
      await producer.close()
      await log.removeTopic(name)
      await log.close()
      for (const { path } of await storage.list('/')) await storage.remove(path)
      await storage.close()
    },
  }
}
