import { parseArgs } from 'node:util'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { parquetBatchCodec } from '../../src/weather/files/parquetBatchCodec.ts'
import { createSink } from '../../src/weather/sink/createSink.ts'
import { decodeRecord } from '../../src/weather/sink/decodeRecord.ts'
import type { SinkSettings } from '../../src/weather/sink/settings.ts'
import type { SinkStep } from '../../src/weather/sink/steps.ts'
import { kafkaOptions } from './kafkaOptions.ts'

/** What this program is told, as JSON. */
export interface SinkPlan {
  logUrl: string
  storageUrl: string
  topic: string
  settings: Partial<SinkSettings>
  /** Where it kills itself, or stops as it stands, the first time that it comes there. */
  at?: { step: SinkStep; signal: 'SIGKILL' | 'SIGSTOP' }
}

/**
 * The sink of partition 0 in a process of its own; SIGTERM ends it as Ctrl-C would. Prints its state when that changes, each batch, "stopping at ..." before it
 * stops itself, and at the end the code of the error, if any.
 */
const { positionals } = parseArgs({ allowPositionals: true })
const { logUrl, storageUrl, topic, settings, at } = JSON.parse(positionals[0]!) as SinkPlan
const print = (line: string) => process.stdout.write(`${line}\n`)
const stop = new AbortController()
process.once('SIGTERM', () => stop.abort(new Error('told to stop')))
let isThere = false
const storage = webHdfsStorage(parseWebHdfsUrl(storageUrl))
const log = kafkaLog(kafkaOptions(logUrl))
const sink = createSink({
  partition: 0,
  topic,
  storage,
  log,
  codec: parquetBatchCodec,
  decode: decodeRecord,
  settings,
  onBatch: ({ meta }) => print(`batch ${meta.firstBatch} to offset ${meta.endOffset}`),
  async onStep(step) {
    if (step === 'cleaned up') print(`epoch ${sink.state().epoch}`)
    if (isThere || step !== at?.step) return
    isThere = true
    // Written before the signal, which comes at once.
    await new Promise<void>(resolve => process.stdout.write(`at ${step}\n`, () => resolve()))
    process.kill(process.pid, at.signal)
  },
})
let told = ''
const telling = setInterval(() => {
  const { phase, trouble, warnings } = sink.state()
  const state = [phase, trouble ?? 'no trouble', ...warnings].join('; ')
  if (state !== told) print(state)
  told = state
}, 500)
try {
  await sink.run(stop.signal)
  print('ended')
} catch (error) {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  print(`failed with ${code}: ${error instanceof Error ? error.message : String(error)}`)
}
clearInterval(telling)
await Promise.all([storage.close(), log.close()])
