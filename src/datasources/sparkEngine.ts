import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import type { ClusterSession } from './clusterEngine.ts'
import type { Engine, EngineCall } from './engine.ts'
import { bothCalls, type RowStream } from './rowStream.ts'
import type { ColumnType } from './source.ts'
import { arrowRows } from './spark/arrowRows.ts'
import { askFiles } from './spark/askFiles.ts'
import { openSparkChannel } from './spark/channel.ts'
import type { FindPlace } from './spark/errors.ts'
import { SPARK_DEADLINES, type SparkDeadlines } from './spark/execute.ts'
import { describeGroups, groupWriteOptions, moveGroups, WRITTEN } from './spark/groups.ts'
import { viewJdbc } from './spark/jdbcView.ts'
import { selectList, sparkQuery } from './spark/query.ts'
import { NOWHERE, type SparkSession, sparkSession } from './spark/session.ts'
import { quoteSparkName, type SparkColumn } from './spark/types.ts'
import { type SparkAddress, showSparkAddress } from './spark/url.ts'
import { filesRelation, viewCommand, viewRelation } from './spark/views.ts'
import type { SparkRelation } from './spark/wire.ts'
import type { Storage } from './storage.ts'
import { childOf } from './storagePath.ts'
import { expectEmptyFolder, expectViewName, findViewFiles, visibleFiles, writtenView } from './viewFiles.ts'

export interface SparkEngineOptions {
  address: SparkAddress
  storage: Storage
  /** How Spark names the root of the storage, for example hdfs://boss:9000; asked once when first needed. */
  storageUrl: (call: Call) => Promise<string>
  deadlines?: SparkDeadlines
}

/** What makes Spark read the SQL as DuckDB does, as far as it can be made to. */
const SESSION_SETTINGS: Readonly<Record<string, string>> = {
  'spark.sql.session.timeZone': 'UTC',
  'spark.sql.timestampType': 'TIMESTAMP_NTZ',
  'spark.sql.ansi.enabled': 'true',
  'spark.sql.ansi.doubleQuotedIdentifiers': 'true',
  // Else a line with too few fields is an error only for those who read them all.
  'spark.sql.csv.parser.columnPruning.enabled': 'false',
  // The default is INT96, which other readers take for a time without a zone, or refuse.
  'spark.sql.parquet.outputTimestampType': 'TIMESTAMP_MICROS',
  // Spark plans with the size of a file, and would send a table of millions of rows that is packed well to every executor, to fill its heap there.
  'spark.sql.sources.fileCompressionFactor': '8',
}
const PARQUET_OPTIONS: Readonly<Record<string, string>> = {
  compression: 'zstd',
  'mapreduce.fileoutputcommitter.marksuccessfuljobs': 'false',
}
const BIGINT: ColumnType = { kind: 'integer', bits: 64, signed: true }
const CLOSED = 'The engine was closed while it was in use.'

/** SQL by a Spark cluster, through its Connect server. Spark reads and writes the files of the storage itself. */
export function sparkEngine({ address, storage, storageUrl, deadlines = SPARK_DEADLINES }: SparkEngineOptions): Engine {
  const channel = openSparkChannel(address)
  const closing = new AbortController()
  const sessions = new Set<ClusterSession>()
  let root: string | undefined

  async function placeInSpark(path: string, call: Call): Promise<string> {
    root ??= (await storageUrl(call)).replace(/\/$/, '')
    return `${root}${path}`
  }

  async function open(sessionId: string, outer: Call): Promise<ClusterSession> {
    const ending = new AbortController()
    const within = <C extends Call>(call: C): C & { signal: AbortSignal } => ({
      ...call,
      signal: AbortSignal.any([ending.signal, closing.signal, ...(call.signal ? [call.signal] : [])]),
    })
    const spark = sparkSession({ channel, sessionId, address, deadlines })
    await spark.configure(SESSION_SETTINGS, within(outer))

    const session: ClusterSession = {
      async register(views, outer = {}) {
        const call = within(outer)
        call.signal.throwIfAborted()
        const found = await findViewFiles(storage, views, call)
        const relations = new Map<string, SparkRelation>()
        for (const view of found) {
          const paths = await Promise.all(view.files.map(({ path }) => placeInSpark(path, call)))
          const rawView = `millrace_files_${view.name}`
          if (view.format === 'parquet' && view.columns && paths.length > 0) {
            await spark.run(viewCommand(rawView, filesRelation('parquet', undefined, paths)), NOWHERE, call)
          }
          relations.set(view.name, viewRelation(view, paths, rawView))
        }
        // All of them, before any counts: a file that is no Parquet shows here.
        await Promise.all(Array.from(relations.values(), relation => spark.schema({ root: relation }, NOWHERE, call)))
        for (const [name, input] of relations) {
          await spark.run(viewCommand(name, input), NOWHERE, call)
        }
      },

      async query(sql, values = {}, outer = {}) {
        const call = within(outer)
        const query = sparkQuery(sql, values)
        const columns = await spark.columns(query, call)
        return rowStream(
          spark,
          { root: query.relation(selectList(columns)), findPlace: query.findPlace },
          columns,
          call,
        )
      },

      async read(files, outer = {}) {
        const call = within(outer)
        const [found] = await findViewFiles(storage, [writtenView(files)], call)
        const paths = await Promise.all(found!.files.map(({ path }) => placeInSpark(path, call)))
        const root = filesRelation('parquet', undefined, paths)
        return rowStream(spark, { root, findPlace: NOWHERE }, await spark.schema({ root }, NOWHERE, call), call)
      },

      async write(sql, folder, values = {}, outer = {}) {
        const call = within(outer)
        const query = sparkQuery(sql, values)
        await expectEmptyFolder(storage, folder, call)
        const columns = await spark.columns(query, call)
        const path = await placeInSpark(folder, call)
        const command = {
          writeOperation: {
            input: query.relation(selectList(columns)),
            source: 'parquet',
            path,
            mode: 'SAVE_MODE_ERROR_IF_EXISTS' as const,
            options: PARQUET_OPTIONS,
          },
        }
        await spark.run({ command }, query.findPlace, call)
        const files = await visibleFiles(storage, folder, call)
        return { rows: await countRows(spark, path, call), files: files.map(({ path, length }) => ({ path, length })) }
      },

      async registerTable(name, read, connections, outer = {}) {
        const call = within(outer)
        expectViewName(name)
        await viewJdbc(spark, name, read, connections, call)
      },

      async writeGroups(sql, folder, options, values = {}, outer = {}) {
        const call = within(outer)
        const query = sparkQuery(sql, values)
        await expectEmptyFolder(storage, folder, call)
        const columns = await spark.columns(query, call)
        const { groupBy } = options
        const group = quoteSparkName(groupBy)
        const place = await placeInSpark(folder, call)
        const command = {
          writeOperation: {
            // A group comes to one task, which writes its groups one after the other.
            input: query.relation(selectList(columns), `DISTRIBUTE BY ${group} SORT BY ${group}`),
            source: 'parquet',
            path: childOf(place, WRITTEN),
            mode: 'SAVE_MODE_ERROR_IF_EXISTS' as const,
            partitioningColumns: [groupBy],
            options: { ...PARQUET_OPTIONS, ...groupWriteOptions(options) },
          },
        }
        await spark.run({ command }, query.findPlace, call)
        const groups = await moveGroups(storage, folder, groupBy, call)
        return await describeGroups(spark, place, await visibleFiles(storage, folder, call), groups, call)
      },

      async close() {
        if (!sessions.delete(session)) return
        ending.abort(new MillraceError('CANCELLED', CLOSED))
        await spark.release()
      },
    }
    sessions.add(session)
    return session
  }

  return {
    kind: 'spark',
    url: showSparkAddress(address),
    open: (call = {}) => open(randomUUID(), call),
    openCluster: (id, call = {}) => open(id, call),
    endCluster: id => sparkSession({ channel, sessionId: id, address, deadlines }).release(),
    async ping(call = {}) {
      const spark = sparkSession({ channel, sessionId: randomUUID(), address, deadlines })
      const version = await spark.version(call)
      void spark.release()
      return `Spark ${version}`
    },
    async close() {
      await Promise.all(Array.from(sessions, session => session.close()))
      closing.abort(new MillraceError('CANCELLED', CLOSED))
      channel.close()
    },
  }
}

interface Asked {
  root: SparkRelation
  findPlace: FindPlace
}

function rowStream(
  spark: SparkSession,
  { root, findPlace }: Asked,
  columns: readonly SparkColumn[],
  outer: EngineCall,
): RowStream {
  const types = columns.map(({ type }) => type)
  return {
    columns: columns.map(({ name, type }) => ({ name, type })),
    async *rows(call: Call = {}) {
      const both = { ...outer, ...bothCalls(outer, call) }
      for await (const batch of spark.batches({ root }, findPlace, both)) {
        yield* arrowRows(batch, types)
      }
    },
  }
}

/** From the footers of the files alone. */
async function countRows(spark: SparkSession, path: string, call: Call): Promise<number> {
  const files = filesRelation('parquet', undefined, [path])
  const [row] = await askFiles(spark, files, view => `SELECT count(*) AS n FROM ${view}`, [BIGINT], call)
  return Number(row?.[0])
}
