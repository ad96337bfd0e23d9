import { createHash, randomFillSync } from 'node:crypto'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startCluster } from '../harness/cluster.ts'
import { runCommand } from '../harness/command.ts'
import { installPythonPackages } from '../harness/installPython.ts'
import { waitUntil } from '../harness/wait.ts'
import { CHUNK_BYTES } from '../src/files/wire/chunk.ts'
import { type Environment, freshFiles, startFiles, startProgram, type Usage } from './filesPrograms.ts'
import { type Resumed, resumeAfterKill, takeoverSeconds } from './filesTakeover.ts'
import type { Bench, Section } from './section.ts'
import { median } from './statistics.ts'

const PEERS = join(import.meta.dirname, 'peers')
const MIB = 1024 * 1024
/** Fewer for a quick look. */
const FILE_BYTES = Number(process.env.BENCH_FILE_MIB ?? 2_048) * MIB
/** What the original's way can carry in a record of a MiB, for base64 makes four bytes of three. */
const BLOCK_BYTES_OF_PEER = 720 * 1024
const TAKEOVERS = 3

/** A large file through Kafka, beside what its bytes cost at least and beside the original's way. */
export const files: Section = {
  name: 'files',
  title: 'Files: from one machine to another',
  repeats: 3,
  async measure(bench) {
    const cluster = await startCluster({
      folder: join(bench.folder, 'files-cluster'),
      services: ['kafka'],
      throwaway: true,
      progress: bench.say,
    })
    try {
      return resultOf(await measureAll(bench, cluster.env))
    } finally {
      await cluster.destroy()
    }
  },
}

interface Measurements {
  floors: Floor[]
  ours: Transferred[]
  peers: Transferred[]
  takeovers: number[]
  resumed: Resumed
}

async function measureAll(bench: Bench, env: Environment): Promise<Measurements> {
  const python = await installPythonPackages(join(PEERS, 'files_requirements.txt'), bench.say)
  const file = join(bench.folder, 'files', 'data.bin')
  bench.say(`  writing ${FILE_BYTES / MIB} MiB of random bytes`)
  await writeRandom(file)
  const [floors, ours, peers]: [Floor[], Transferred[], Transferred[]] = [[], [], []]
  // In turn, so that a machine that is slow for a while is slow for all.
  for (let repeat = 0; repeat < bench.repeats; repeat++) {
    bench.say('  the least: digests, and copies with librdkafka')
    floors.push(await floorOf(file, python, env))
    bench.say('  millrace files send and receive')
    ours.push(await transfer(file, bench, env))
    bench.say("  the original's way")
    peers.push(await transferAsOriginal(file, python, bench, env))
  }
  await rm(file)
  bench.say('  receivers killed')
  const takeovers: number[] = []
  for (let time = 0; time < Math.min(TAKEOVERS, bench.repeats); time++)
    takeovers.push(await takeoverSeconds(bench, env))
  bench.say('  a sender killed')
  return { floors, ours, peers, takeovers, resumed: await resumeAfterKill(bench, env) }
}

function resultOf({ floors, ours, peers, takeovers, resumed }: Measurements) {
  const seconds = (runs: readonly { seconds: number }[]) => median(runs.map(run => run.seconds))
  const cpuOf = ({ sender, receiver }: Transferred) => sender.cpuSeconds + receiver.cpuSeconds
  const cpu = median(ours.map(cpuOf))
  const peerCpu = median(peers.map(cpuOf))
  const floor = median(floors.map(({ hashSeconds, copySeconds }) => hashSeconds + copySeconds))
  const speed = (runs: readonly Transferred[]) => FILE_BYTES / 1e6 / seconds(runs)
  const peak = (runs: readonly Transferred[], side: 'sender' | 'receiver') =>
    `${Math.max(...runs.map(run => run[side].peakResidentMb)).toFixed(0)} MB`
  const times = (one: number, other: number) => `${(one / other).toFixed(2)}x`
  const longest = Math.max(...takeovers)
  const { hashSeconds, copySeconds } = floors[0]!
  return {
    text: `A file of ${FILE_BYTES / MIB} MiB of random bytes through one broker, from the start of \`millrace files send --wait\` until it has ended with every block acknowledged, beside one
\`millrace files receive\`; default settings. The least is processor time: SHA-256 of the bytes twice with node:crypto (${hashSeconds.toFixed(1)} s in the first run), and the bytes
through the broker with librdkafka from Python, produced and consumed once each (${copySeconds.toFixed(1)} s). The original's way (bench/peers/files_original.py): blocks of
${BLOCK_BYTES_OF_PEER / 1024} KiB in base64 within JSON, with confluent-kafka; its interpreters' starts do not count.`,
    heads: ['work', 'must', 'aim', 'Millrace', 'beside it', 'ratio'],
    rows: [
      [
        'send + receive, seconds against the least',
        '<= 2.0x',
        '1.4x',
        `${seconds(ours).toFixed(1)} s`,
        `${floor.toFixed(1)} s`,
        times(seconds(ours), floor),
      ],
      [
        'send + receive, processor seconds against the least',
        '',
        '',
        `${cpu.toFixed(1)} s`,
        `${floor.toFixed(1)} s`,
        times(cpu, floor),
      ],
      [
        "MB/s against the original's way",
        '3x',
        '5x',
        speed(ours).toFixed(0),
        speed(peers).toFixed(0),
        times(speed(ours), speed(peers)),
      ],
      [
        "processor seconds against the original's way",
        '',
        '',
        `${cpu.toFixed(1)} s`,
        `${peerCpu.toFixed(1)} s`,
        times(peerCpu, cpu),
      ],
      ['peak resident memory of the sender', '<= 250 MB', '150 MB', peak(ours, 'sender'), peak(peers, 'sender'), ''],
      ['of the receiver', '<= 250 MB', '150 MB', peak(ours, 'receiver'), peak(peers, 'receiver'), ''],
      [
        'kill -9 of a receiver to the next of its blocks processed by another',
        '<= 15 s',
        '8 s',
        `${median(takeovers).toFixed(1)} s (longest of ${takeovers.length}: ${longest.toFixed(1)} s)`,
        '',
        '',
      ],
      [
        'kill -9 of the sender: acknowledged blocks that the next one sends again',
        '0',
        '',
        `${Math.max(0, resumed.sent + resumed.acknowledged - resumed.blocks)} (${resumed.acknowledged} of ${resumed.blocks} were acknowledged, ${resumed.sent} sent)`,
        '',
        '',
      ],
    ],
  }
}

interface Floor {
  /** Twice all bytes. */
  hashSeconds: number
  copySeconds: number
}

async function floorOf(file: string, python: string, env: Environment): Promise<Floor> {
  const fresh = await freshFiles(env)
  try {
    const args = [env.MILLRACE_LOG_URL!, fresh.topics.blocks.name, file, String(CHUNK_BYTES)]
    const printed = await runCommand(python, [join(PEERS, 'files_floor.py'), ...args])
    const { cpuSeconds } = JSON.parse(printed) as { cpuSeconds: number }
    return { hashSeconds: 2 * (await hashCpuSeconds(file)), copySeconds: cpuSeconds }
  } finally {
    await fresh.close()
  }
}

/** Of the digest alone, not of reading. The system counts in ticks of some milliseconds: so much is hashed between two looks. */
async function hashCpuSeconds(file: string): Promise<number> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafeSlow(128 * MIB)
  await using source = await open(file)
  let micros = 0
  for (;;) {
    const { bytesRead } = await source.read(buffer)
    if (bytesRead === 0) return micros / 1e6
    const before = process.cpuUsage()
    for (let at = 0; at < bytesRead; at += CHUNK_BYTES) {
      hash.update(buffer.subarray(at, Math.min(bytesRead, at + CHUNK_BYTES)))
    }
    const used = process.cpuUsage(before)
    micros += used.user + used.system
  }
}

interface Transferred {
  seconds: number
  sender: Usage
  receiver: Usage
}

async function transfer(file: string, bench: Bench, env: Environment): Promise<Transferred> {
  const output = join(bench.folder, 'received')
  const files = await freshFiles(env, { MILLRACE_DATA_DIR: join(bench.folder, 'files-data') })
  const receiver = startFiles(files.env, ['receive', '--machine-id', 'machine1', '--output', output])
  try {
    await files.untilIdle('machine1')
    const before = receiver.usage().cpuSeconds
    const started = performance.now()
    const words = ['--machine-id', 'producer1', '--data-folder', join(file, '..'), '--wait']
    const sender = startFiles(files.env, ['send', ...words])
    await sender.ended()
    const seconds = (performance.now() - started) / 1_000
    const used = receiver.usage()
    return { seconds, sender: sender.usage(), receiver: { ...used, cpuSeconds: used.cpuSeconds - before } }
  } finally {
    receiver.signal('SIGTERM')
    await receiver.ended()
    await files.close()
    await rm(output, { recursive: true, force: true })
  }
}

async function transferAsOriginal(file: string, python: string, bench: Bench, env: Environment): Promise<Transferred> {
  const output = join(bench.folder, 'received')
  const files = await freshFiles(env)
  const script = (words: readonly string[]) => startProgram(python, [join(PEERS, 'files_original.py'), ...words])
  const [log, { prefix }] = [env.MILLRACE_LOG_URL!, files]
  const receiver = script(['receive', log, prefix, output])
  try {
    await waitUntil({ description: 'the receiver to have its partitions', timeoutMillis: 60_000 }, () =>
      receiver.lines.includes('ready'),
    )
    const sender = script(['send', log, prefix, file, String(BLOCK_BYTES_OF_PEER)])
    await Promise.all([sender.ended(), receiver.ended()])
    const said = ({ lines }: typeof sender) => JSON.parse(lines.at(-1)!) as Usage & { seconds: number }
    const [sent, received] = [said(sender), said(receiver)]
    return { seconds: Math.max(sent.seconds, received.seconds), sender: sent, receiver: received }
  } finally {
    receiver.signal('SIGKILL')
    await files.close()
    await rm(output, { recursive: true, force: true })
  }
}

async function writeRandom(file: string): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true })
  const buffer = Buffer.allocUnsafeSlow(8 * MIB)
  await using target = await open(file, 'w')
  for (let written = 0; written < FILE_BYTES; written += buffer.length) {
    await target.write(randomFillSync(buffer), 0, Math.min(buffer.length, FILE_BYTES - written))
  }
}
