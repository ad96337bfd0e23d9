import { parseArgs } from 'node:util'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { mysqlSource } from '../../src/datasources/mysqlSource.ts'
import { createProducer } from '../../src/weather/producer/createProducer.ts'
import type { ProducerStep } from '../../src/weather/producer/producer.ts'
import { kafkaOptions } from './kafkaOptions.ts'

/** What this program is told, as JSON. */
export interface ProducerPlan {
  sourceUrl: string
  logUrl: string
  topic: string
  batchRows: number
  recreateTopic?: boolean
  /** Where it kills itself, the so manieth time that it comes there. */
  crash?: { step: ProducerStep; time: number }
}

/** A producer in a process of its own; SIGTERM ends it as Ctrl-C would. It prints each step that it takes. */
const { positionals } = parseArgs({ allowPositionals: true })
const {
  sourceUrl,
  logUrl,
  topic,
  batchRows,
  recreateTopic = false,
  crash,
} = JSON.parse(positionals[0]!) as ProducerPlan
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort())
let times = 0
const source = mysqlSource({ url: sourceUrl })
const log = kafkaLog(kafkaOptions(logUrl))
const producer = createProducer({
  source,
  log,
  topic,
  settings: { batchRows, recreateTopic },
  onStep(step) {
    process.stdout.write(`${step}\n`)
    if (step === crash?.step && ++times === crash.time) process.kill(process.pid, 'SIGKILL')
  },
})
await producer.run(stop.signal)
await Promise.all([source.close(), log.close()])
