import { on } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { EncodedGroup, EncodeGroupsTask } from './encodeRowGroup.ts'

/** Encodes row groups in worker threads, so that the thread that serves the API is never busy for long. */
export interface Encoder {
  /** How many tasks it can work on at once. */
  readonly threads: number
  /** Row groups of each key, ascending, those without one last, each as soon as it is encoded. The packed columns are moved: do not touch them again. */
  encode(task: EncodeGroupsTask, signal?: AbortSignal): AsyncIterable<EncodedGroup>
  close(): Promise<void>
}

const IDLE_MILLIS = 10_000
/** A worker makes a few large buffers and next to no small objects. */
const YOUNG_GENERATION_MIB = 16

export function createEncoder({ threads }: { threads: number }): Encoder {
  // Beside this file, under the same kind of name: TypeScript in tests, JavaScript when built.
  const worker = import.meta.url.endsWith('.ts') ? './encodeRowGroup.ts' : './encodeRowGroup.js'
  const pool = new Piscina({
    filename: new URL(worker, import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: IDLE_MILLIS,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
  })
  return {
    threads,
    async *encode(task, signal) {
      const buffers = task.packed.flatMap(({ values, isNull, dictionary }) =>
        [values, isNull, dictionary?.values].flatMap(part => (part ? [part.buffer as ArrayBuffer] : [])),
      )
      const { port1: ours, port2: port } = new MessageChannel()
      // The other end closes with its thread, when that dies.
      const messages = on(ours, 'message', { close: ['close'] })
      const transferList = [...buffers, port]
      const done = pool.run({ ...task, port }, { transferList, ...(signal && { signal }) })
      done.catch(() => ours.close())
      try {
        for await (const [group] of messages as AsyncIterable<[EncodedGroup | null]>) {
          if (!group) break
          yield group
        }
        await done
      } finally {
        ours.close()
      }
    },
    close: () => pool.close(),
  }
}
