import { parseArgs } from 'node:util'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { createSender } from '../../src/files/send/createSender.ts'
import type { SenderStep } from '../../src/files/send/sender.ts'
import { fileTopics } from '../../src/files/wire/topics.ts'
import { kafkaOptions } from './kafkaOptions.ts'

/** What this program is told, as JSON. */
export interface SenderPlan {
  logUrl: string
  topicPrefix: string
  folder: string
  blockBytes: number
  /** Where it kills itself, the so manieth time that it comes there. */
  crash?: { step: SenderStep; time: number }
}

/** A sender in a process of its own. It prints each step that it takes, and at its end what it has sent and its largest memory as a line of JSON. */
const { positionals } = parseArgs({ allowPositionals: true })
const { logUrl, topicPrefix, folder, blockBytes, crash } = JSON.parse(positionals[0]!) as SenderPlan
const log = kafkaLog(kafkaOptions(logUrl))
let times = 0
const sender = createSender({
  log,
  folder,
  machine: 'producer1',
  topics: fileTopics(topicPrefix),
  seal: null,
  settings: { blockBytes },
  onStep(step) {
    process.stdout.write(`${step}\n`)
    if (step === crash?.step && ++times === crash.time) process.kill(process.pid, 'SIGKILL')
  },
})
const { files } = await sender.run(new AbortController().signal)
const maxRssBytes = process.resourceUsage().maxRSS * 1024
process.stdout.write(`${JSON.stringify({ sends: files.reduce((sum, file) => sum + file.sends, 0), maxRssBytes })}\n`)
await log.close()
