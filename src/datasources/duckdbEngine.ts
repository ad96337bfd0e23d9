import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { MillraceError } from '../errors.ts'
import { duckdbConnections } from './duckdbConnections.ts'
import {
  type DuckdbQuery,
  describeDuckdbQuery,
  duckdbRowStream,
  duckdbSql,
  explainDuckdbError,
  prepareDuckdb,
  run,
  withProgress,
} from './duckdbQuery.ts'
import { quoteDuckdbName, quoteDuckdbText } from './duckdbTypes.ts'
import { duckdbViewSelect } from './duckdbViews.ts'
import type { Engine, EngineCall, EngineSession } from './engine.ts'
import { fileCopies } from './fileCopies.ts'
import type { Publisher } from './publish.ts'
import type { RowStream } from './rowStream.ts'
import type { FileLayout, Storage } from './storage.ts'
import { childOf } from './storagePath.ts'
import { expectEmptyFolder, type FoundView, findViewFiles, writtenView } from './viewFiles.ts'

export interface DuckdbEngineOptions {
  storage: Storage
  /** The directory that `storage` keeps its files in, where it is one: they are read where they are. Null: they are copied. */
  directory: string | null
  publisher: Pick<Publisher, 'publish'>
  /** For copies, for files being written and for what does not fit into memory. */
  workFolder: string
  /** How many bytes a session may copy. */
  mostCopiedBytes?: number
  /** Beyond it DuckDB goes on in files. */
  memoryBytes?: number
}

const MOST_COPIED_BYTES = 8e9
const MEMORY_BYTES = 2e9
const LAYOUT: FileLayout = { replication: 2, blockBytes: 128 * 1024 * 1024 }
/** What is copied at once: a piece costs as much as some hundred kilobytes do. */
const CHUNK_BYTES = 1024 * 1024
const CLOSED = 'The engine was closed while it was in use.'

/** SQL by DuckDB inside this process. It reads and writes files of the storage only, also in SQL that names others. */
export function duckdbEngine(options: DuckdbEngineOptions): Engine {
  const { storage, directory, publisher, workFolder, mostCopiedBytes = MOST_COPIED_BYTES } = options
  // Files that stay on this machine cost the processor more than the disk.
  const compression = directory === null ? 'zstd' : 'snappy'
  const connections = duckdbConnections(() => openInstance(options))
  const sessions = new Set<EngineSession>()

  function openSession(): EngineSession {
    const folder = join(workFolder, `engine-${randomUUID()}`)
    const copies = fileCopies(storage, join(folder, 'copies'), mostCopiedBytes)
    const closing = new AbortController()
    const views = new Map<string, string>()
    const within = <C extends { signal?: AbortSignal }>(call: C): C & { signal: AbortSignal } => ({
      ...call,
      signal: call.signal ? AbortSignal.any([call.signal, closing.signal]) : closing.signal,
    })

    async function placesOf({ files }: FoundView, call: { signal: AbortSignal }): Promise<string[]> {
      if (directory !== null) return files.map(({ path }) => join(directory, path))
      const places: string[] = []
      for (const file of files) places.push(await copies.copyOf(file, call)) // one by one: each is read in large parts
      return places
    }

    async function answer(query: DuckdbQuery, call: EngineCall): Promise<RowStream> {
      const columns = await connections.answer(call, async connection => {
        await prepareDuckdb(connection, query.views)
        return await describeDuckdbQuery(connection, query.sql)
      })
      return duckdbRowStream(connections, query, columns, call)
    }

    const session: EngineSession = {
      async register(wanted, outer = {}) {
        const call = within(outer)
        call.signal.throwIfAborted()
        const found = await findViewFiles(storage, wanted, call)
        const statements = new Map<string, string>()
        for (const view of found) {
          const select = duckdbViewSelect(view, await placesOf(view, call))
          statements.set(view.name, `CREATE OR REPLACE TEMP VIEW ${quoteDuckdbName(view.name)} AS ${select}`)
        }
        await connections.answer(call, connection => tryViews(connection, statements))
        for (const [name, statement] of statements) views.set(name, statement)
      },

      async query(text, values = {}, outer = {}) {
        return await answer({ views: [...views.values()], sql: duckdbSql(text, values) }, within(outer))
      },

      async read(files, outer = {}) {
        const call = within(outer)
        const [found] = await findViewFiles(storage, [writtenView(files)], call)
        const text = duckdbViewSelect(found!, await placesOf(found!, call))
        return await answer({ views: [], sql: { text, placeOf: () => null } }, call)
      },

      async write(text, target, values = {}, outer = {}) {
        const call = within(outer)
        const sql = duckdbSql(text, values)
        await expectEmptyFolder(storage, target, call)
        const place = join(folder, `${randomUUID()}.parquet`)
        await mkdir(folder, { recursive: true })
        try {
          const rows = await connections.answer(call, async connection => {
            await prepareDuckdb(connection, [...views.values()])
            await describeDuckdbQuery(connection, sql)
            const answer = await withProgress(connection, call.onProgress, () =>
              run(
                connection,
                'COPY (',
                sql,
                `\n) TO ${quoteDuckdbText(place)} (FORMAT parquet, COMPRESSION ${compression})`,
              ),
            )
            return Number(answer[0]?.[0])
          })
          const path = childOf(target, 'part-00000.parquet')
          const { size: length } = await stat(place)
          await publisher.publish(path, () => createReadStream(place, { highWaterMark: CHUNK_BYTES }), LAYOUT, {
            length,
            call,
          })
          return { rows, files: [{ path, length }] }
        } finally {
          await rm(place, { force: true })
        }
      },

      async close() {
        sessions.delete(session)
        closing.abort(new MillraceError('CANCELLED', CLOSED))
        await copies.close()
        await rm(folder, { recursive: true, force: true })
      },
    }
    sessions.add(session)
    return session
  }

  return {
    kind: 'duckdb',
    url: 'duckdb:',
    async open(call = {}) {
      call.signal?.throwIfAborted()
      return openSession()
    },
    ping: (call = {}) =>
      connections.answer(call, async connection => {
        const answer = await connection.runAndReadAll('SELECT version()')
        return `DuckDB ${String(answer.getRows()[0]?.[0])}`
      }),
    async close() {
      await Promise.all([...sessions].map(session => session.close()))
      await connections.close(new MillraceError('CANCELLED', CLOSED))
    },
  }
}

/** All of them, before any counts: a file that is no Parquet shows here. */
async function tryViews(connection: DuckDBConnection, statements: ReadonlyMap<string, string>): Promise<void> {
  await prepareDuckdb(connection, [])
  for (const [name, statement] of statements) {
    try {
      await connection.run(statement)
    } catch (error) {
      throw explainDuckdbError(error, { text: statement, placeOf: () => null }, 0, `view "${name}"`)
    }
  }
}

async function openInstance({ directory, workFolder, memoryBytes = MEMORY_BYTES }: DuckdbEngineOptions) {
  await mkdir(workFolder, { recursive: true })
  const instance = await DuckDBInstance.create(':memory:', { autoinstall_known_extensions: 'false' })
  const folders = [workFolder, ...(directory === null ? [] : [directory])].map(folder => quoteDuckdbText(`${folder}/`))
  const connection = await instance.connect()
  try {
    await connection.run(`SET temp_directory = ${quoteDuckdbText(join(workFolder, 'engine-spill'))};
      SET memory_limit = '${Math.round(memoryBytes / 1e6)}MB'; SET allowed_directories = [${folders.join(', ')}];
      SET enable_external_access = false`)
  } finally {
    connection.closeSync()
  }
  return instance
}
