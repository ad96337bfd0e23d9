import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { waitUntil } from '../../harness/wait.ts'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { partitionOfKey } from '../../src/datasources/keyPartition.ts'
import type { Log } from '../../src/datasources/log.ts'
import { joinFile } from '../../src/files/join/joinFile.ts'
import { RECEIVER_STEPS, type ReceiverSettings } from '../../src/files/receive/receiver.ts'
import { createSender } from '../../src/files/send/createSender.ts'
import type { SenderStep, SendResult } from '../../src/files/send/sender.ts'
import { CHUNK_BYTES } from '../../src/files/wire/chunk.ts'
import { blockKey, type FileTopics, fileTopics } from '../../src/files/wire/topics.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'
import { type ReceiverProcess, startReceiverProcess } from '../setup/receiverProcesses.ts'
import { acknowledgmentsOf } from '../setup/receivingWorld.ts'

/** `npm run test:crash` asks for more, `npm run test:crash:large` for larger ones. */
const ROUNDS = Number(process.env.MILLRACE_CRASH_ROUNDS ?? 10)
const BLOCK_BYTES = Number(process.env.MILLRACE_CRASH_BLOCK_BYTES ?? 2_500_000)
/** The largest of the twenty files. */
const LARGEST_FILE_BYTES = Number(process.env.MILLRACE_CRASH_FILE_BYTES ?? 3 * BLOCK_BYTES + 7)
const ROUND_MILLIS = 90_000 + Math.ceil((4 * BLOCK_BYTES + LARGEST_FILE_BYTES) / 5_000)
/** A broker is killed and started again in every so many rounds: that takes longer than all the rest. */
const BROKER_ROUNDS = 4
/** Of the chunks, so that each block has two chances in five to be damaged, whatever its size. */
const CORRUPT_SHARE = 0.45 / Math.ceil(BLOCK_BYTES / CHUNK_BYTES)
const MACHINES = ['machine1', 'machine2', 'machine3']

let cluster: Cluster
let home: string
let log: Log
beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['kafka'], kafka: { brokers: 3 } })
  home = await mkdtemp(join(tmpdir(), 'millrace-files-faults-'))
  log = kafkaLog(kafkaOptions(cluster.env.MILLRACE_LOG_URL!))
})
afterAll(async () => {
  await log?.close()
  await cluster?.destroy()
  await rm(home, { recursive: true, force: true })
})

interface Site {
  topics: FileTopics
  output: string
  start(machine: string, settings?: Partial<ReceiverSettings>): ReceiverProcess
  /** Sends what is in the folder until all is acknowledged. `onBlock` is told when a block is on its way. */
  send(folder: string, onBlock?: () => void): Promise<SendResult>
  /** Ends all that still run; throws where one does not end well. */
  end(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

async function openSite(corruptShare: number): Promise<Site> {
  const topicPrefix = `faults-${randomUUID()}-`
  const topics = fileTopics(topicPrefix)
  const output = await mkdtemp(join(home, 'output-'))
  for (const { name, partitions } of Object.values(topics))
    await log.createTopic(name, { partitions, replication: null })
  const started: ReceiverProcess[] = []
  const isRunning = ({ child }: ReceiverProcess) => child.exitCode === null && child.signalCode === null
  return {
    topics,
    output,
    start(machine, settings = {}) {
      const logUrl = cluster.env.MILLRACE_LOG_URL!
      const receiver = startReceiverProcess({ logUrl, topicPrefix, machine, output, corruptShare, settings })
      started.push(receiver)
      return receiver
    },
    async send(folder, onBlock = () => {}) {
      const settings = { blockBytes: BLOCK_BYTES, wait: true, lookMillis: 200 }
      const onStep = (step: SenderStep) => {
        if (step === 'block put') onBlock()
      }
      const sender = createSender({ log, folder, machine: 'producer1', topics, seal: null, settings, onStep })
      return await sender.run(AbortSignal.timeout(ROUND_MILLIS))
    },
    async end() {
      await Promise.all(started.filter(isRunning).map(receiver => receiver.end()))
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(started.filter(isRunning).map(receiver => receiver.kill()))
      for (const { name } of Object.values(topics)) await log.removeTopic(name)
    },
  }
}

/** Waits until these, of whom some may be replaced meanwhile, have all partitions between them. */
async function untilShared(receivers: () => readonly ReceiverProcess[], { blocks }: FileTopics): Promise<void> {
  const held = () => receivers().map(receiver => receiver.partitions())
  await waitUntil(
    {
      description: 'all partitions to be held',
      timeoutMillis: 60_000,
      pollMillis: 20,
      detail: () =>
        receivers()
          .map(
            ({ machine, lines }) =>
              `${machine}: ${lines
                .slice(-8)
                .map(({ text }) => text)
                .join('; ')}`,
          )
          .join('\n'),
    },
    () => new Set(held().flat()).size === blocks.partitions && held().every(some => some.length > 0),
  )
}

/** Twenty files of all kinds; returns their digests by name. */
async function writeFiles(folder: string): Promise<Map<string, string>> {
  const sizes: Record<string, number> = {
    'empty.bin': 0,
    'one byte': 1,
    'exactly one block': BLOCK_BYTES,
    'one block and a byte': BLOCK_BYTES + 1,
    'sub/folder/ünï 🚀 код.bin': 3_000_000,
    [`${'n'.repeat(200)}`]: 60_000,
    'sub/the largest': LARGEST_FILE_BYTES,
  }
  for (let index = 0; index < 13; index += 1) {
    sizes[`${index % 3 === 0 ? 'many/' : ''}file ${index}`] = Math.floor(Math.random() ** 3 * 2_000_000)
  }
  const digests = new Map<string, string>()
  for (const [name, bytes] of Object.entries(sizes)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    digests.set(name, await writeRandom(join(folder, name), bytes))
  }
  return digests
}

/** Returns the digest. */
async function writeRandom(place: string, bytes: number): Promise<string> {
  const hash = createHash('sha256')
  await using file = await open(place, 'wx')
  for (let written = 0; written < bytes; ) {
    const some = randomBytes(Math.min(PIECE_BYTES, bytes - written))
    hash.update(some)
    await file.writeFile(some)
    written += some.length
  }
  return hash.digest('hex')
}

const PIECE_BYTES = 8 * 1024 * 1024

async function digestOf(place: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const some of createReadStream(place)) hash.update(some as Buffer)
  return hash.digest('hex')
}

const anyOf = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!

test(
  `in ${ROUNDS} rounds of kill -9, a stop past the session, corrupted chunks and a broker's death every file comes whole, and each block counts once`,
  async () => {
    await using site = await openSite(CORRUPT_SHARE)
    const settings = { sessionTimeoutMillis: 2_000, waitMillis: 100 }
    const receivers = new Map(MACHINES.map(machine => [machine, site.start(machine, settings)]))
    const others = (...without: string[]) => [...receivers.values()].filter(({ machine }) => !without.includes(machine))
    await untilShared(() => others(), site.topics)
    let blocks = 0

    for (let round = 0; round < ROUNDS; round += 1) {
      const [killed, stopped] = MACHINES.toSorted(() => Math.random() - 0.5) as [string, string]
      const atKill = anyOf(RECEIVER_STEPS)
      const atStop = anyOf(RECEIVER_STEPS)
      const broker = round % BROKER_ROUNDS === 0 ? `kafka-${1 + Math.floor(Math.random() * 3)}` : null
      const folder = await mkdtemp(join(home, 'round-'))
      const files = await writeFiles(folder)
      await receivers.get(killed)!.arm({ step: atKill, time: 2, signal: 'SIGKILL' })
      const armedAt = receivers.get(stopped)!.lines.length
      await receivers.get(stopped)!.arm({ step: atStop, time: 1, signal: 'SIGSTOP' })

      const begun = Promise.withResolvers<void>()
      const sending = site.send(folder, begun.resolve)
      const [result] = await Promise.all([sending, killAndReplace(), stopAndContinue(), restartBroker()])
      await untilShared(() => others(), site.topics)

      const which = `round ${round}: ${killed} killed at "${atKill}", ${stopped} stopped at "${atStop}", ${broker ?? 'no broker'}`
      expect(
        result.files.map(({ problem }) => problem),
        which,
      ).toEqual(result.files.map(() => null))
      expect(result.files, which).toHaveLength(files.size)
      blocks += result.files.reduce((sum, file) => sum + file.blocks, 0)
      const folders = MACHINES.map(machine => join(site.output, `processed_data_${machine}`))
      for (const [file, sha256] of files) {
        const output = join(home, 'joined')
        expect((await joinFile({ folders, file, output })).sha256, `${which}: ${file}`).toBe(sha256)
        expect(await digestOf(output), `${which}: ${file}`).toBe(sha256)
      }
      expect(
        (await site.send(folder)).files.map(({ sends }) => sends),
        which,
      ).toEqual([...files].map(() => 0))
      await rm(folder, { recursive: true })

      async function killAndReplace(): Promise<void> {
        const dying = receivers.get(killed)!
        // It may have too little to do to come to the step by itself.
        await Promise.race([sending, dying.says(`at ${atKill}`, { timeoutMillis: ROUND_MILLIS })])
        await dying.kill()
        receivers.set(killed, site.start(killed, settings))
        await receivers.get(killed)!.says('partitions')
      }

      async function restartBroker(): Promise<void> {
        if (!broker) return
        await Promise.race([sending, begun.promise])
        await cluster.kill(broker)
        await cluster.restart(broker)
      }

      async function stopAndContinue(): Promise<void> {
        const { child, says, arm } = receivers.get(stopped)!
        await Promise.race([sending, says(`at ${atStop}`, { from: armedAt, timeoutMillis: ROUND_MILLIS })])
        child.kill('SIGSTOP')
        await untilShared(() => others(stopped), site.topics)
        // It may come to the step only now, and stop once more before it hears that it need not.
        let isDisarmed = false
        const disarmed = arm(null).then(() => {
          isDisarmed = true
        })
        const going = { description: `${stopped} to go on`, timeoutMillis: 60_000 }
        await Promise.all([disarmed, waitUntil(going, () => child.kill('SIGCONT') && isDisarmed)])
      }
    }

    await site.end()
    const seen = await acknowledgmentsOf(log, site.topics)
    const processed = seen.filter(({ outcome }) => outcome === 'processed')
    const digests = new Map<string, Set<string | null>>()
    for (const { transferId, block, sha256 } of processed) {
      const key = `${transferId}/${block}`
      digests.set(key, (digests.get(key) ?? new Set()).add(sha256))
    }
    expect(digests.size).toBe(blocks)
    expect([...digests].filter(([, various]) => various.size > 1)).toEqual([])
    expect(seen.filter(({ outcome }) => outcome === 'failed')).toEqual([])
    for (const machine of MACHINES) {
      const left = await readdir(join(site.output, `processed_data_${machine}`, '.assembling'))
      expect(left.filter(name => !name.startsWith('lock'))).toEqual([])
    }
    const again = seen.filter(({ outcome }) => outcome === 'again').length
    console.log(`${ROUNDS} rounds, ${blocks} blocks: ${processed.length} acknowledgments, ${again} asked for again`)
  },
  60_000 + ROUNDS * ROUND_MILLIS,
)

test('what a killed receiver had is processed by another within 15 seconds', async () => {
  await using site = await openSite(0)
  const [dying, ...others] = MACHINES.map(machine => site.start(machine)) as [ReceiverProcess, ...ReceiverProcess[]]
  await untilShared(() => [dying, ...others], site.topics)
  const folder = await mkdtemp(join(home, 'small-'))
  for (let index = 0; index < 60; index += 1) await writeFile(join(folder, `file ${index}`), randomBytes(1_000))
  const lost = dying.partitions()

  const killedAtMillis = performance.now()
  await dying.kill()
  const sending = site.send(folder)
  const isLost = ({ text }: { text: string }) => {
    const [, transferId, block] = /^block (\w+) (\d+) /.exec(text) ?? []
    if (transferId === undefined) return false
    return lost.includes(partitionOfKey(blockKey(transferId, Number(block)), site.topics.blocks.partitions))
  }
  const first = () => others.flatMap(({ lines }) => lines.filter(isLost)).sort((a, b) => a.atMillis - b.atMillis)[0]
  await waitUntil(
    { description: 'a block of a lost partition', timeoutMillis: 30_000, pollMillis: 20 },
    () => !!first(),
  )
  const seconds = (first()!.atMillis - killedAtMillis) / 1_000
  console.log(`the next block of a killed receiver was processed after ${seconds.toFixed(1)} s`)
  expect(seconds).toBeLessThan(15)
  expect((await sending).files.every(({ problem }) => problem === null)).toBe(true)
  await site.end()
})
