import { parseTemporaryName } from '../../../src/datasources/publish.ts'
import type { Content, FileLayout, Storage } from '../../../src/datasources/storage.ts'
import { nameOf, parentOf } from '../../../src/datasources/storagePath.ts'
import { MillraceError } from '../../../src/errors.ts'
import { DATA_FOLDER, parseBatchName } from '../../../src/weather/files/names.ts'
import { NO_ROW_ID } from '../../../src/weather/sink/batchCodec.ts'
import { checkpointPath, DEAD_LETTER_FOLDER, intentPath, OWNER_FOLDER } from '../../../src/weather/sink/paths.ts'
import { decodeText } from './partitionLog.ts'
import { PARTITION } from './proof.ts'
import type { Sabotage } from './simulate.ts'

/** The rules of the protocol, each broken alone. The simulation must notice within a few hundred seeds. */
export const SABOTAGES: Record<string, Sabotage> = {
  'a batch is renamed over whatever is there': {
    storage: storage => ({ ...storage, renameNew: (from, to, call) => storage.rename(from, to, call) }),
  },

  'a look whether the name is free takes the place of the exclusive rename': {
    storage: storage => ({
      // Intents make two owners write the same batch, and sweeping takes away what a late one would rename: both hide the harm.
      ...withoutIntents(withoutSweeping(storage)),
      async renameNew(from, to, call) {
        const isThere = await storage.stat(to, call).then(
          () => true,
          () => false,
        )
        if (isThere) throw new MillraceError('CONFLICT', `expected nothing at ${to}`)
        await storage.rename(from, to, call)
      },
    }),
  },

  'a batch is written to its name, not renamed to it': {
    storage: storage => {
      const written = new Map<string, string>()
      const real = (path: string) => written.get(path) ?? path
      return {
        ...storage,
        async create(path, content, layout, call) {
          const target = nameOf(path).replace(/^\.(.*)\.[^.]*\.[^.]*\.tmp$/, '$1')
          const final = `${parentOf(path)}/${target}`
          if (parentOf(path) === DATA_FOLDER && parseBatchName(target)) written.set(path, final)
          await storage.create(real(path), content, layout, call)
        },
        stat: (path, call) => storage.stat(real(path), call),
        read: (path, range, call) => storage.read(real(path), range, call),
        remove: (path, call) => storage.remove(real(path), call),
        async renameNew(from, to, call) {
          if (!written.has(from)) await storage.renameNew(from, to, call)
        },
      }
    },
  },

  'the checkpoint, not the files, says which batch is next': {
    storage: storage => ({
      ...storage,
      async list(folder, call) {
        const files = await storage.list(folder, call)
        if (folder !== DATA_FOLDER) return files
        const noted = await storage.stat(checkpointPath(PARTITION), call).catch(() => undefined)
        if (!noted) return []
        const bytes = await storage.read(noted.path, { offset: 0, length: noted.length }, call)
        const batch = Number(/"batch_id":(\d+)/.exec(Buffer.from(bytes).toString())?.[1] ?? -1)
        return files.filter(({ path }) => (parseBatchName(nameOf(path))?.lastBatch ?? 0) <= batch)
      },
    }),
  },

  'rows that come again are stored again': {
    decode: record => {
      const row = decodeText(record)
      return 'problem' in row ? row : { ...row, rowId: NO_ROW_ID }
    },
  },

  'what cannot be decoded is passed over': {
    storage: storage => ({
      ...storage,
      async renameNew(from, to, call) {
        if (parentOf(to) !== DEAD_LETTER_FOLDER) await storage.renameNew(from, to, call)
      },
    }),
  },

  'what cannot be decoded is kept aside only when the batch is there': {
    storage: storage => {
      const held = new Map<string, { content: Content; layout: FileLayout; to?: string }>()
      return {
        ...storage,
        async create(path, content, layout, call) {
          if (parentOf(path) === DEAD_LETTER_FOLDER) held.set(path, { content: await all(content), layout })
          else await storage.create(path, content, layout, call)
        },
        async stat(path, call) {
          const letter = held.get(path)
          if (!letter) return await storage.stat(path, call)
          const length = [...(letter.content as Uint8Array[])].reduce((sum, chunk) => sum + chunk.length, 0)
          return { path, kind: 'file', length, modifiedAtMillis: 0, fileId: path, replication: 1, blockBytes: 1 }
        },
        async renameNew(from, to, call) {
          const letter = held.get(from)
          if (letter) {
            letter.to = to
            return
          }
          await storage.renameNew(from, to, call)
          if (parentOf(to) !== DATA_FOLDER) return
          for (const [path, { content, layout, to }] of held) {
            await storage.create(path, content, layout, call)
            if (to !== undefined) await storage.renameNew(path, to, call).catch(() => {})
          }
          held.clear()
        },
      }
    },
  },

  'every attempt at a file has the same temporary name': { newId: () => '00000000-0000-0000-0000-000000000000' },

  'a file that came out short is taken for whole': {
    storage: storage => {
      const lengths = new Map<string, number>()
      const contents = new Map<string, Uint8Array>()
      return {
        ...storage,
        async create(path, content, layout, call) {
          const bytes = Buffer.concat(await all(content))
          lengths.set(path, bytes.length)
          contents.set(path, bytes)
          await storage.create(path, [bytes], layout, call)
        },
        async stat(path, call) {
          const status = await storage.stat(path, call)
          return { ...status, length: lengths.get(path) ?? status.length }
        },
        read: async (path, range, call) => contents.get(path) ?? (await storage.read(path, range, call)),
      }
    },
  },
}

/** Rules that make for quiet, not for truth: without them the rows are right all the same. */
export const HARMLESS: Record<string, Sabotage> = {
  'nobody looks who owns the partition': {
    storage: storage => {
      let owns = false
      return {
        ...storage,
        list: async (folder, call) => (owns && folder === OWNER_FOLDER ? [] : await storage.list(folder, call)),
        async renameNew(from, to, call) {
          await storage.renameNew(from, to, call)
          owns ||= parentOf(to) === OWNER_FOLDER
        },
      }
    },
  },

  'nobody reads an intent': { storage: withoutIntents },

  'nobody sweeps': { storage: withoutSweeping },
}

function withoutIntents(storage: Storage): Storage {
  return {
    ...storage,
    async stat(path, call) {
      if (path === intentPath(PARTITION)) throw new MillraceError('NOT_FOUND', 'there is none')
      return await storage.stat(path, call)
    },
  }
}

function withoutSweeping(storage: Storage): Storage {
  return {
    ...storage,
    list: async (folder, call) =>
      (await storage.list(folder, call)).filter(({ path }) => !parseTemporaryName(nameOf(path))),
  }
}

async function all(content: Content): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  return chunks
}
