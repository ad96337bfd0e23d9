import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { createReceiver } from '../../src/files/receive/createReceiver.ts'
import type { ReceiverSettings, ReceiverStep } from '../../src/files/receive/receiver.ts'
import { fileTopics } from '../../src/files/wire/topics.ts'
import { corruptingLog } from './corruptingLog.ts'
import { kafkaOptions } from './kafkaOptions.ts'

/** What this program is told, as JSON. */
export interface ReceiverPlan {
  logUrl: string
  topicPrefix: string
  machine: string
  output: string
  settings: Partial<ReceiverSettings>
  /** Of the records that are read, those that come with a changed bit, from 0 to 1. */
  corruptShare?: number
}

/** What it is told later, a line of JSON on its standard input: what to do to itself when it comes to the step for this time, or null for nothing. */
export interface ReceiverFault {
  step: ReceiverStep
  time: number
  signal: 'SIGKILL' | 'SIGSTOP'
}

/**
 * A receiver in a process of its own; SIGTERM ends it as Ctrl-C would. Prints its partitions when they change, each block, "at ..." before it kills or stops
 * itself, how many records it has corrupted, and at the end the code of the error, if any.
 */
const { positionals } = parseArgs({ allowPositionals: true })
const { logUrl, topicPrefix, machine, output, settings, corruptShare = 0 } = JSON.parse(positionals[0]!) as ReceiverPlan
const print = (line: string) => process.stdout.write(`${line}\n`)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort(new Error('told to stop')))

let fault: ReceiverFault | null = null
let times = 0
createInterface({ input: process.stdin }).on('line', line => {
  fault = JSON.parse(line) as ReceiverFault | null
  times = 0
  print(`armed for ${fault?.step ?? 'nothing'}`)
})
process.stdin.unref?.()

let corruptedRecords = 0
const log = kafkaLog(kafkaOptions(logUrl))
const receiver = createReceiver({
  log: corruptingLog(log, corruptShare, Math.random, () => {
    corruptedRecords += 1
  }),
  topics: fileTopics(topicPrefix),
  machine,
  groupId: 'receivers',
  output,
  seal: null,
  processor: null,
  settings,
  onBlock: ({ transferId, file, block }) => print(`block ${transferId} ${block} ${file}`),
  async onStep(step) {
    if (!fault || step !== fault.step) return
    times += 1
    if (times !== fault.time) return
    const { signal } = fault
    fault = null
    // Written before the signal, which comes at once.
    await new Promise<void>(resolve => process.stdout.write(`at ${step}\n`, () => resolve()))
    process.kill(process.pid, signal)
  },
})
let told = ''
const telling = setInterval(() => {
  const { partitions, trouble, warnings } = receiver.state()
  const state = [`partitions ${partitions.join()};`, trouble ?? 'no trouble', ...warnings.slice(-1)].join(' ')
  if (state !== told) print(state)
  told = state
}, 100)
try {
  await receiver.run(stop.signal)
  print(`ended; corrupted ${corruptedRecords} records`)
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  print(`failed with ${code}: ${error instanceof Error ? error.message : String(error)}`)
}
clearInterval(telling)
await log.close()
process.exit()
