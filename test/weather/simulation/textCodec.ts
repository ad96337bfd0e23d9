import type { BatchCodec, BatchMeta, BatchMetaRead, BatchRows } from '../../../src/weather/sink/batchCodec.ts'

/** Batches as JSON, which is cheap: the protocol does not care. */
export const textCodec: BatchCodec = {
  encode: async (rows, meta) => [Buffer.from(JSON.stringify({ rows, meta })), Buffer.from(END)],
  async readMeta(storage, { path, length }, call) {
    return metaIn(await storage.read(path, { offset: 0, length }, call))
  },
}

const END = '\nend of batch\n'

export function metaIn(bytes: Uint8Array): BatchMetaRead {
  const batch = batchIn(bytes)
  return batch ? { meta: batch.meta } : { problem: 'it is no whole batch' }
}

interface TextBatch {
  rows: BatchRows
  meta: BatchMeta
}

/** Reading them again takes most of the time otherwise. */
const known = new WeakMap<Uint8Array, TextBatch | undefined>()

export function batchIn(bytes: Uint8Array): TextBatch | undefined {
  if (!known.has(bytes)) known.set(bytes, parsed(bytes))
  return known.get(bytes)
}

function parsed(bytes: Uint8Array): TextBatch | undefined {
  const text = Buffer.from(bytes).toString()
  if (!text.endsWith(END)) return undefined
  return JSON.parse(text.slice(0, -END.length)) as TextBatch
}
