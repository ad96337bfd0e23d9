import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { waitUntil } from '../../harness/wait.ts'
import type { Log, OutgoingRecord } from '../../src/datasources/log.ts'
import { joinFile } from '../../src/files/join/joinFile.ts'
import { createReceiver } from '../../src/files/receive/createReceiver.ts'
import type { Receiver, ReceiverOptions, ReceiverSettings } from '../../src/files/receive/receiver.ts'
import { type Acknowledgment, decodeAcknowledgment } from '../../src/files/wire/acknowledgment.ts'
import { type Chunk, chunkHeaders } from '../../src/files/wire/chunk.ts'
import type { FileTopics } from '../../src/files/wire/topics.ts'
import { blockKey } from '../../src/files/wire/topics.ts'
import { type FilesWorld, openFilesWorld, sha256Of } from './filesWorld.ts'

/** A FilesWorld with receivers, all of which end with it. */
export interface ReceivingWorld extends FilesWorld {
  /** The receivers' folders are in it. */
  output: string
  /** Starts one. */
  receive(options?: ReceivingOptions): RunningReceiver
  /** All, those of a block in order. */
  acknowledgments(): Promise<Acknowledgment[]>
  /** Waits until so many acknowledgments fit. */
  acknowledged(count: number, fits?: (one: Acknowledgment) => boolean): Promise<Acknowledgment[]>
  /** Puts records into the topic of blocks. */
  put(records: OutgoingRecord[]): Promise<void>
  /** The joined bytes of a file, from the folders of all machines. */
  joined(file: string): Promise<Buffer>
}

export type ReceivingOptions = Partial<Omit<ReceiverOptions, 'settings'>> & { settings?: Partial<ReceiverSettings> }

export interface RunningReceiver {
  receiver: Receiver
  /** As Ctrl-C would. */
  stop: () => Promise<void>
  /** Rejects where the receiver did. */
  ended: Promise<void>
}

export async function openReceivingWorld(log: Log): Promise<ReceivingWorld> {
  const world = await openFilesWorld(log)
  const output = await mkdtemp(join(tmpdir(), 'millrace-receive-'))
  const producer = log.producer()
  const running = new Set<RunningReceiver>()
  for (const { name, partitions } of Object.values(world.topics))
    await log.createTopic(name, { partitions, replication: null })

  const acknowledgments = () => acknowledgmentsOf(log, world.topics)
  return {
    ...world,
    output,
    receive({ settings, ...options } = {}) {
      const stop = new AbortController()
      const receiver = createReceiver({
        log,
        topics: world.topics,
        machine: 'machine1',
        groupId: 'group',
        output,
        seal: null,
        processor: null,
        settings: { waitMillis: 50, firstPauseMillis: 10, sessionTimeoutMillis: 2_000, ...settings },
        ...options,
      })
      const ended = receiver.run(stop.signal)
      ended.catch(() => {})
      const one: RunningReceiver = {
        receiver,
        ended,
        async stop() {
          stop.abort(new Error('told to stop'))
          await ended
        },
      }
      running.add(one)
      return one
    },
    acknowledgments,
    async acknowledged(count, fits = () => true) {
      let seen: Acknowledgment[] = []
      // The last ones only: there can be hundreds.
      const description = `${count} acknowledgments`
      const detail = () =>
        JSON.stringify(seen.slice(-10).map(({ file, block, outcome, reason }) => [file, block, outcome, reason])).slice(
          0,
          2_000,
        )
      await waitUntil({ description, timeoutMillis: 20_000, pollMillis: 50, detail }, async () => {
        seen = await acknowledgments()
        return seen.filter(fits).length >= count
      })
      return seen.filter(fits)
    },
    put: records => producer.send(world.topics.blocks.name, records),
    async joined(file) {
      const folders = (await readdir(output)).filter(name => name.startsWith('processed_data_'))
      const target = join(output, 'joined')
      await joinFile({ folders: folders.map(name => join(output, name)), file, output: target })
      return await readFile(target)
    },
    async close() {
      await Promise.all([...running].map(one => one.stop().catch(() => {})))
      await producer.close()
      await world.close()
      await rm(output, { recursive: true, force: true })
    },
  }
}

/** What all receivers have said, from the topic itself. */
export async function acknowledgmentsOf(log: Log, { acknowledgments: topic }: FileTopics): Promise<Acknowledgment[]> {
  const all: Acknowledgment[] = []
  for (let partition = 0; partition < topic.partitions; partition++) {
    const [range] = await log.offsets(topic.name, [partition])
    for (let offset = range!.begin; offset < range!.end; ) {
      const fetched = await log.fetch(topic.name, partition, { offset, maxBytes: 1 << 20, waitMillis: 1_000 })
      for (const { value } of fetched.records) {
        const one = decodeAcknowledgment(value)
        if ('problem' in one) throw new Error(`expected an acknowledgment, but ${one.problem}`)
        all.push(one)
      }
      offset = fetched.nextOffset
    }
  }
  return all
}

/** The records of a file of one block, in chunks of these bytes; `changes` say what is different in all of them. */
export function blockRecords(parts: readonly Buffer[], changes: Partial<Chunk> = {}): OutgoingRecord[] {
  const bytes = Buffer.concat(parts)
  const sha256 = sha256Of(bytes)
  return parts.map((part, index) => {
    const isLast = index === parts.length - 1
    const offset = parts.slice(0, index).reduce((sum, { length }) => sum + length, 0)
    const chunk: Chunk = {
      transferId: sha256Of(Buffer.from(changes.file ?? 'file')).slice(0, 32),
      file: 'file',
      fileBytes: bytes.length,
      totalBlocks: 1,
      block: 0,
      blockOffset: 0,
      blockBytes: bytes.length,
      index,
      count: parts.length,
      offset,
      sendId: 'send-1',
      machine: 'producer1',
      sentAt: '2026-11-21T10:00:00.000Z',
      encoding: 'identity',
      encryption: 'none',
      ...(isLast && { blockSha256: sha256, fileSha256: sha256 }),
      ...changes,
    }
    return { key: blockKey(chunk.transferId, chunk.block), value: part, headers: chunkHeaders(chunk) }
  })
}
