import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { waitUntil } from '../../harness/wait.ts'
import { systemClock } from '../../src/datasources/clock.ts'
import { parseTemporaryName } from '../../src/datasources/publish.ts'
import { nameOf } from '../../src/datasources/storagePath.ts'
import { webHdfsStorage } from '../../src/datasources/webHdfsStorage.ts'
import { parseWebHdfsUrl } from '../../src/datasources/webhdfs/url.ts'
import { createCompactor } from '../../src/weather/compaction/compactPartition.ts'
import { parquetMergeCodec } from '../../src/weather/compaction/parquetMergeCodec.ts'
import type { CompactionSettings } from '../../src/weather/compaction/settings.ts'
import type { CompactionStep } from '../../src/weather/compaction/steps.ts'
import { DATA_FOLDER } from '../../src/weather/files/names.ts'

/** What this program is told, as JSON. */
export interface CompactionPlan {
  storageUrl: string
  settings: Partial<CompactionSettings>
  /** Once, whatever can be merged; or whatever is worth it, again and again. */
  how: 'all' | 'forever'
  /** Where it kills itself, or stops as it stands, the first time that it comes there. */
  at?: { step: CompactionStep; signal: 'SIGKILL' | 'SIGSTOP' }
}

/** HDFS makes a file a moment after it asked for the first of its content. */
const TEMPORARY_MILLIS = 10_000

/** Merges the files of partition 0 in a process of its own. Prints what was done each time. */
const { positionals } = parseArgs({ allowPositionals: true })
const { storageUrl, settings, how, at } = JSON.parse(positionals[0]!) as CompactionPlan
const storage = webHdfsStorage(parseWebHdfsUrl(storageUrl))
let isThere = false
const compactor = createCompactor({
  partition: 0,
  storage,
  codec: parquetMergeCodec,
  clock: systemClock,
  newId: randomUUID,
  settings,
  async onStep(step) {
    if (isThere || step !== at?.step) return
    isThere = true
    if (step === 'merge half-written') await untilTemporaryIsThere()
    // Written before the signal, which comes at once.
    await new Promise<void>(resolve => process.stdout.write(`at ${step}\n`, () => resolve()))
    process.kill(process.pid, at.signal)
  },
})
do {
  const { files, merged, rows, swept } = await compactor.compact({ all: how === 'all' }, {})
  if (merged + swept > 0 || how === 'all') {
    process.stdout.write(`merged ${files} files with ${rows} rows into ${merged}, swept ${swept}\n`)
  }
} while (how === 'forever')
await storage.close()

async function untilTemporaryIsThere(): Promise<void> {
  await waitUntil({ description: 'the temporary', timeoutMillis: TEMPORARY_MILLIS, pollMillis: 5 }, async () =>
    (await storage.list(DATA_FOLDER)).some(({ path }) => parseTemporaryName(nameOf(path))),
  )
}
