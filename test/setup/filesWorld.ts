import { createHash, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Log, LogRecord } from '../../src/datasources/log.ts'
import { hasCode } from '../../src/errors.ts'
import { createSender } from '../../src/files/send/createSender.ts'
import type { SenderOptions, SenderSettings } from '../../src/files/send/sender.ts'
import { type Acknowledgment, acknowledgmentRecord, type Outcome } from '../../src/files/wire/acknowledgment.ts'
import { type Chunk, readChunkHeaders } from '../../src/files/wire/chunk.ts'
import { decodeContent } from '../../src/files/wire/content.ts'
import type { Seal } from '../../src/files/wire/seal.ts'
import { decodeStatus, type MachineStatus } from '../../src/files/wire/status.ts'
import { type FileTopics, fileTopics } from '../../src/files/wire/topics.ts'

/** A folder to send and topics of its own on some log, and what can be seen of both. */
export interface FilesWorld {
  folder: string
  topicPrefix: string
  topics: FileTopics
  log: Log
  write(name: string, bytes: Uint8Array | string): Promise<void>
  sender(
    options?: Partial<Omit<SenderOptions, 'settings'>> & { settings?: Partial<SenderSettings> },
  ): ReturnType<typeof createSender>
  /** Every chunk in the log, those of a partition in order. */
  chunks(): Promise<SeenChunk[]>
  /** Attempts that came whole, each with its plain bytes, after what a receiver checks. */
  attempts(seal?: Seal): Promise<SeenAttempt[]>
  /** As a receiver would. */
  acknowledge(attempt: Pick<SeenAttempt, 'chunk' | 'sha256'>, outcome: Outcome, reason?: string): Promise<void>
  statuses(): Promise<MachineStatus[]>
  close(): Promise<void>
}

export interface SeenChunk {
  partition: number
  chunk: Chunk
  record: LogRecord
}

export interface SeenAttempt {
  /** The last one of the block. */
  chunk: Chunk
  bytes: Buffer
  sha256: string
}

export async function openFilesWorld(log: Log): Promise<FilesWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  const topicPrefix = `test-${randomUUID()}-`
  const topics = fileTopics(topicPrefix)
  const producer = log.producer()

  async function recordsOf(topic: string): Promise<[partition: number, LogRecord][]> {
    const all: [number, LogRecord][] = []
    try {
      for (let partition = 0; partition < (await log.partitions(topic)); partition++) {
        const [range] = await log.offsets(topic, [partition])
        for (let offset = range!.begin; offset < range!.end; ) {
          const fetched = await log.fetch(topic, partition, { offset, maxBytes: 4 << 20, waitMillis: 1_000 })
          all.push(...fetched.records.map((record): [number, LogRecord] => [partition, record]))
          offset = fetched.nextOffset
        }
      }
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
    }
    return all
  }

  async function chunks(): Promise<SeenChunk[]> {
    return (await recordsOf(topics.blocks.name)).map(([partition, record]) => {
      const chunk = readChunkHeaders(record.headers)
      if ('problem' in chunk) throw new Error(`expected a chunk, but ${chunk.problem}`)
      return { partition, chunk, record }
    })
  }

  async function attempts(seal: Seal | null = null): Promise<SeenAttempt[]> {
    const open = new Map<string, Buffer[]>()
    const whole: SeenAttempt[] = []
    for (const { chunk, record } of await chunks()) {
      const id = `${chunk.transferId}/${chunk.block}/${chunk.sendId}`
      const parts = open.get(id) ?? []
      open.set(id, parts)
      const have = parts.reduce((sum, part) => sum + part.length, 0)
      // One that came twice.
      if (chunk.index < parts.length) continue
      if (chunk.index !== parts.length || chunk.offset !== have)
        throw new Error(`expected chunk ${parts.length} of ${id}`)
      parts.push(Buffer.from(await decodeContent(chunk, record.value, seal)))
      if (chunk.blockSha256 === undefined) continue
      const bytes = Buffer.concat(parts)
      const sha256 = sha256Of(bytes)
      if (bytes.length !== chunk.blockBytes || sha256 !== chunk.blockSha256)
        throw new Error(`expected ${id} to be whole`)
      whole.push({ chunk, bytes, sha256 })
    }
    return whole
  }

  return {
    folder,
    topicPrefix,
    topics,
    log,
    chunks,
    attempts,
    async write(name, bytes) {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), bytes)
    },
    sender: ({ settings, ...options } = {}) =>
      createSender({
        log,
        folder,
        machine: 'producer1',
        topics,
        seal: null,
        settings: { lookMillis: 20, firstPauseMillis: 10, ...settings },
        ...options,
      }),
    async acknowledge({ chunk, sha256 }, outcome, reason) {
      await producer.send(topics.acknowledgments.name, [
        acknowledgmentRecord(acknowledgmentOf(chunk, sha256, outcome, reason)),
      ])
    },
    async statuses() {
      return (await recordsOf(topics.status.name)).map(([, { value }]) => {
        const status = decodeStatus(value)
        if ('problem' in status) throw new Error(`expected a status, but ${status.problem}`)
        return status
      })
    },
    async close() {
      await producer.close()
      for (const { name } of Object.values(topics)) await log.removeTopic(name)
      await rm(folder, { recursive: true })
    },
  }
}

/** What a receiver would say of the block that a chunk belongs to. */
export function acknowledgmentOf(
  chunk: Chunk,
  sha256: string | null,
  outcome: Outcome,
  reason?: string,
): Acknowledgment {
  const { transferId, file, block, totalBlocks, blockBytes: bytes, sendId } = chunk
  return {
    version: 1,
    transferId,
    file,
    block,
    totalBlocks,
    bytes,
    sha256,
    machine: 'machine1',
    outcome,
    sendId,
    attempts: 1,
    ...(reason !== undefined && { reason }),
    at: new Date().toISOString(),
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
