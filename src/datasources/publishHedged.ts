import { type HedgeDelay, hedged } from './hedged.ts'
import type { Publisher } from './publish.ts'
import type { Content, FileStatus } from './storage.ts'

const ATTEMPTS = 3

/**
 * Publishes, and begins anew under another name beside that where the storage keeps silent for `delayMillis`: HDFS takes seconds to turn away from a DataNode that hangs, for
 * each block that it wants to place there, and another file may do without it. The first that is whole counts. While the content is waited for, the storage is not silent.
 */
export function publishHedged(
  publisher: Publisher,
  delayMillis: number,
  ...[path, content, layout, options = {}]: Parameters<Publisher['publish']>
): Promise<FileStatus> {
  const { call = {} } = options
  return hedged(
    (ended, delay) => {
      const signal = call.signal ? AbortSignal.any([call.signal, ended]) : ended
      return publisher.publish(path, () => heard(content(), delay), layout, { ...options, call: { ...call, signal } })
    },
    { attempts: ATTEMPTS, delayMillis },
  )
}

async function* heard(content: Content, delay: HedgeDelay): AsyncGenerator<Uint8Array> {
  delay.hold()
  for await (const piece of content) {
    delay.restart()
    yield piece
    delay.hold()
  }
  delay.restart()
}
