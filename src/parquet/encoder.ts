import { Piscina } from 'piscina'
import type { SourceColumn } from '../datasources/source.ts'
import type { PackedColumn } from './columnPacker.ts'
import type { EncodeTask } from './encodeRowGroup.ts'

/** Encodes row groups in worker threads, so that the thread that serves the API is never busy for long. */
export interface Encoder {
  /** A whole Parquet file of one row group (none for 0 rows). The packed columns are moved: do not touch them again. */
  encode(
    columns: SourceColumn[],
    packed: PackedColumn[],
    statistics: string[],
    signal?: AbortSignal,
  ): Promise<Uint8Array>
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
    encode(columns, packed, statistics, signal) {
      const task: EncodeTask = { columns, packed, statistics }
      const transferList = packed.flatMap(({ values, validity, dictionary }) =>
        [values, validity, dictionary?.values].flatMap(part => (part ? [part.buffer as ArrayBuffer] : [])),
      )
      return pool.run(task, { transferList, ...(signal && { signal }) }) as Promise<Uint8Array>
    },
    close: () => pool.close(),
  }
}
