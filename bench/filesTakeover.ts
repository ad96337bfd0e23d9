import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { waitUntil } from '../harness/wait.ts'
import { partitionOfKey } from '../src/datasources/keyPartition.ts'
import { type Acknowledgment, decodeAcknowledgment } from '../src/files/wire/acknowledgment.ts'
import { blockKey } from '../src/files/wire/topics.ts'
import { type Environment, type FilesTopics, freshFiles, startFiles } from './filesPrograms.ts'
import type { Bench } from './section.ts'

const MIB = 1024 * 1024
const WITHIN_MILLIS = 90_000
/** So slow that the killed one has blocks left, and each is soon done. */
const PROCESSOR = `export async function process() { await new Promise(resolve => setTimeout(resolve, 100)) }\n`

/** Seconds from kill -9 of one of two receivers until the other has processed a block of those that were its. */
export async function takeoverSeconds({ folder }: Bench, clusterEnv: Environment): Promise<number> {
  const place = join(folder, `takeover-${Date.now()}`)
  await writeBytes(join(place, 'out'), 300 * MIB)
  await writeFile(join(place, 'processor.js'), PROCESSOR)
  const files = await freshFiles(clusterEnv, { MILLRACE_DATA_DIR: place })
  const receive = (machine: string) => {
    const words = ['--machine-id', machine, '--output', place, '--processor', join(place, 'processor.js')]
    return startFiles(files.env, ['receive', ...words])
  }
  const victim = receive('machine1')
  const heir = receive('machine2')
  try {
    await files.untilIdle('machine1')
    await startFiles(files.env, ['send', '--data-folder', join(place, 'out'), '--block-size', '1MiB']).ended()
    const processed: Acknowledgment[] = []
    const of = (machine: string) => processed.filter(one => one.machine === machine)
    await waitUntil({ description: 'both to process blocks', timeoutMillis: WITHIN_MILLIS }, async () => {
      processed.push(...(await acknowledgmentsOf(files)))
      return of('machine1').length >= 10 && of('machine2').length >= 10
    })
    const partition = ({ transferId, block }: Acknowledgment) =>
      partitionOfKey(blockKey(transferId, block), files.topics.blocks.partitions)
    // Those that it had last: they may have moved when the other joined.
    const lost = new Set(of('machine1').slice(-5).map(partition))
    victim.signal('SIGKILL')
    const killedMillis = Date.now()
    await victim.ended()
    let next: Acknowledgment | undefined
    await waitUntil({ description: 'the other to go on', timeoutMillis: WITHIN_MILLIS, pollMillis: 20 }, async () => {
      const news = await acknowledgmentsOf(files)
      next = news.find(
        one => one.machine === 'machine2' && lost.has(partition(one)) && Date.parse(one.at) > killedMillis,
      )
      return next !== undefined
    })
    return (Date.parse(next!.at) - killedMillis) / 1_000
  } finally {
    heir.signal('SIGKILL')
    victim.signal('SIGKILL')
    await heir.ended()
    await files.close()
  }
}

export interface Resumed {
  blocks: number
  /** When the next sender began. */
  acknowledged: number
  /** By the next sender. */
  sent: number
}

/** A sender killed with -9 in the middle, and the next one, beside a receiver. */
export async function resumeAfterKill({ folder }: Bench, clusterEnv: Environment): Promise<Resumed> {
  const place = join(folder, `resume-${Date.now()}`)
  await writeBytes(join(place, 'out'), 512 * MIB)
  const files = await freshFiles(clusterEnv, { MILLRACE_DATA_DIR: place })
  const words = ['send', '--data-folder', join(place, 'out'), '--block-size', '8MiB', '--json']
  const receiver = startFiles(files.env, ['receive', '--machine-id', 'machine1', '--output', place])
  try {
    await files.untilIdle('machine1')
    const killed = startFiles(files.env, words)
    let acknowledged = 0
    const count = async () => {
      acknowledged += (await acknowledgmentsOf(files)).length
      return acknowledged
    }
    await waitUntil(
      { description: 'ten blocks to be acknowledged', timeoutMillis: WITHIN_MILLIS, pollMillis: 20 },
      async () => (await count()) >= 10,
    )
    killed.signal('SIGKILL')
    await killed.ended()
    await untilQuiet(count)
    const next = startFiles(files.env, [...words, '--wait'])
    await next.ended()
    const [file] = (JSON.parse(next.lines.at(-1)!) as { files: { blocks: number; sent: number }[] }).files
    return { blocks: file!.blocks, acknowledged, sent: file!.sent }
  } finally {
    receiver.signal('SIGKILL')
    await receiver.ended()
    await files.close()
  }
}

async function acknowledgmentsOf(files: FilesTopics): Promise<Acknowledgment[]> {
  return (await files.news('acknowledgments')).flatMap(({ value }) => {
    const one = decodeAcknowledgment(value)
    return 'problem' in one || one.outcome !== 'processed' ? [] : [one]
  })
}

/** Until the count has stayed the same for two seconds. */
async function untilQuiet(count: () => Promise<number>): Promise<void> {
  let last = -1
  let since = Date.now()
  await waitUntil({ description: 'acknowledgments to end', timeoutMillis: WITHIN_MILLIS }, async () => {
    const now = await count()
    if (now !== last) since = Date.now()
    last = now
    return Date.now() - since >= 2_000
  })
}

async function writeBytes(folder: string, bytes: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'data.bin'), Buffer.alloc(bytes, 'not all alike '))
}
