import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import type { Call } from './call.ts'
import type { Engine, EngineCall, EngineSession, SqlValues } from './engine.ts'
import { bothCalls, type RowStream } from './rowStream.ts'
import type { Row, SourceColumn } from './source.ts'
import { arrowRows } from './spark/arrowRows.ts'
import { openSparkChannel, type SparkChannel } from './spark/channel.ts'
import { errorIdOf, explainSparkError, type FindPlace, isServiceError } from './spark/errors.ts'
import { execute, SPARK_DEADLINES, type SparkDeadlines } from './spark/execute.ts'
import { columnTypeOf, quoteSparkName, sparkDefinitions, sparkLiterals, sparkTypeName } from './spark/types.ts'
import { type SparkAddress, showSparkAddress } from './spark/url.ts'
import type { ErrorDetails, ExecuteResponse, SparkPlan, SparkRelation } from './spark/wire.ts'
import { readQuery, requireUniqueNames } from './sqlProblem.ts'
import { placeOf } from './sqlText.ts'
import type { Storage } from './storage.ts'
import { expectEmptyFolder, type FoundView, findViewFiles, visibleFiles } from './viewFiles.ts'

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
}
const CSV_OPTIONS: Readonly<Record<string, string>> = {
  header: 'true',
  sep: ',',
  quote: '"',
  escape: '"',
  multiLine: 'true',
  // What Spark puts for an empty field, and then takes for NULL; it must not be the empty text, which is a value.
  nullValue: '\u0001\u0001',
  emptyValue: '',
  mode: 'FAILFAST',
  encoding: 'UTF-8',
}
const PARQUET_OPTIONS: Readonly<Record<string, string>> = {
  compression: 'zstd',
  'mapreduce.fileoutputcommitter.marksuccessfuljobs': 'false',
}
/** One line of its own before the SQL, so that places in it keep their columns. */
const PREFIX = (list: string) => `SELECT ${list} FROM (\n`
const CLOSED = 'The engine was closed while it was in use.'
const NOWHERE: FindPlace = () => null

/** SQL by a Spark cluster, through its Connect server. Spark reads and writes the files of the storage itself. */
export function sparkEngine({ address, storage, storageUrl, deadlines = SPARK_DEADLINES }: SparkEngineOptions): Engine {
  const channel = openSparkChannel(address)
  const closing = new AbortController()
  const sessions = new Set<EngineSession>()
  let root: string | undefined

  async function placeInSpark(path: string, call: Call): Promise<string> {
    root ??= (await storageUrl(call)).replace(/\/$/, '')
    return `${root}${path}`
  }

  async function open(outer: Call): Promise<EngineSession> {
    const sessionId = randomUUID()
    const ending = new AbortController()
    const within = <C extends Call>(call: C): C & { signal: AbortSignal } => ({
      ...call,
      signal: AbortSignal.any([ending.signal, closing.signal, ...(call.signal ? [call.signal] : [])]),
    })
    const spark = sparkSession({ channel, sessionId, address, deadlines })
    await spark.configure(SESSION_SETTINGS, within(outer))

    const session: EngineSession = {
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
        return rowStream(spark, query, columns, call)
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
    open: (call = {}) => open(call),
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

interface SparkSession {
  configure(settings: Readonly<Record<string, string>>, call: Call): Promise<void>
  version(call: Call): Promise<string>
  columns(query: SparkQuery, call: Call): Promise<SparkColumn[]>
  schema(plan: SparkPlan, findPlace: FindPlace, call: Call): Promise<SparkColumn[]>
  /** The batches of an answer, as Arrow streams. */
  batches(plan: SparkPlan, findPlace: FindPlace, call: EngineCall): AsyncGenerator<Uint8Array, void, undefined>
  run(plan: SparkPlan, findPlace: FindPlace, call: EngineCall): Promise<void>
  /** Ends what the session does; what goes wrong with that is Spark's to find out. */
  release(): Promise<void>
}

interface SparkSessionParts {
  channel: SparkChannel
  sessionId: string
  address: SparkAddress
  deadlines: SparkDeadlines
}

/** What Spark answers to one session, with its errors explained. */
function sparkSession({ channel, sessionId, address, deadlines }: SparkSessionParts): SparkSession {
  const options = ({ signal }: Call) => ({ deadlineMillis: deadlines.answerMillis, signal })

  async function explained<T>(findPlace: FindPlace, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw await explain(error, findPlace)
    }
  }
  async function explain(error: unknown, findPlace: FindPlace): Promise<unknown> {
    if (!isServiceError(error)) return error
    const errorId = errorIdOf(error)
    let details: ErrorDetails | undefined
    if (errorId !== undefined) {
      const asked = channel.unary(
        'FetchErrorDetails',
        sessionId,
        { errorId },
        { deadlineMillis: deadlines.pulseMillis },
      )
      details = await asked.catch(() => undefined) // the error itself says something too
    }
    return explainSparkError(error, details, address, findPlace)
  }
  async function schema(plan: SparkPlan, findPlace: FindPlace, call: Call): Promise<SparkColumn[]> {
    const answer = await explained(findPlace, () =>
      channel.unary('AnalyzePlan', sessionId, { schema: { plan } }, options(call)),
    )
    return (answer.schema?.schema.struct?.fields ?? []).map(({ name, dataType }) => {
      const type = columnTypeOf(dataType)
      return { name, type: type ?? { kind: 'text' }, asText: type === undefined }
    })
  }
  async function* batches(plan: SparkPlan, findPlace: FindPlace, call: EngineCall) {
    const tell = progressOf(call)
    try {
      for await (const answer of execute({ channel, sessionId, plan, deadlines, signal: call.signal })) {
        if (answer.executionProgress) tell(answer.executionProgress)
        if (answer.arrowBatch && answer.arrowBatch.rowCount > 0) yield answer.arrowBatch.data
      }
      call.onProgress?.(1)
    } catch (error) {
      call.signal?.throwIfAborted()
      throw await explain(error, findPlace)
    }
  }

  return {
    async configure(settings, call) {
      const pairs = Object.entries(settings).map(([key, value]) => ({ key, value }))
      await explained(NOWHERE, () =>
        channel.unary('Config', sessionId, { operation: { set: { pairs } } }, options(call)),
      )
    },
    async version(call) {
      const answer = await explained(NOWHERE, () =>
        channel.unary('AnalyzePlan', sessionId, { sparkVersion: {} }, options(call)),
      )
      return answer.sparkVersion?.version ?? ''
    },
    async columns(query, call) {
      const columns = await schema({ root: query.relation('*') }, query.findPlace, call)
      requireUniqueNames(
        'Spark',
        columns.map(({ name }) => name),
      )
      return columns
    },
    schema,
    batches,
    async run(plan, findPlace, call) {
      for await (const _ of batches(plan, findPlace, call)) {
        // A command has no rows; it is over when the stream is.
      }
    },
    async release() {
      await channel
        .unary('ReleaseSession', sessionId, {}, { deadlineMillis: deadlines.pulseMillis })
        .catch(() => undefined)
    },
  }
}

interface SparkColumn extends SourceColumn {
  /** Arrives as text only when it is cast. */
  asText: boolean
}

interface SparkQuery {
  /** `list` is what stands between SELECT and FROM around it. */
  relation(list: string): SparkRelation
  findPlace: FindPlace
}

/** The query stands in brackets: there Spark takes a SELECT and nothing else, whatever it would do with a command elsewhere. */
function sparkQuery(sql: string, values: SqlValues): SparkQuery {
  const { text, parameters } = readQuery('Spark', sql, values)
  const namedArguments = sparkLiterals(new Set(parameters.map(({ name }) => name)), values)
  let prefix = PREFIX('*')
  return {
    relation(list) {
      prefix = PREFIX(list)
      return { common: { planId: 0 }, sql: { query: `${prefix}${text}\n) AS answer`, namedArguments } }
    },
    findPlace(where) {
      if ('line' in where) {
        const lines = text.split('\n').length
        return where.line < 2 || where.line > lines + 1 ? null : { line: where.line - 1, column: where.column }
      }
      // Spark counts characters, JavaScript UTF-16 units.
      const characters = where.offset - Array.from(prefix).length
      const offset = Array.from(text).slice(0, characters).join('').length
      return characters < 0 || offset >= text.length ? null : placeOf(text, offset)
    },
  }
}

function selectList(columns: readonly SparkColumn[]): string {
  if (!columns.some(({ asText }) => asText)) return '*'
  const values = columns.map(({ name, asText }) => {
    const quoted = quoteSparkName(name)
    return asText ? `CAST(${quoted} AS STRING) AS ${quoted}` : quoted
  })
  return values.join(', ')
}

function rowStream(spark: SparkSession, query: SparkQuery, columns: SparkColumn[], outer: EngineCall): RowStream {
  const types = columns.map(({ type }) => type)
  return {
    columns: columns.map(({ name, type }) => ({ name, type })),
    async *rows(call: Call = {}) {
      const both = { ...outer, ...bothCalls(outer, call) }
      for await (const batch of spark.batches({ root: query.relation(selectList(columns)) }, query.findPlace, both)) {
        yield* arrowRows(batch, types)
      }
    },
  }
}

/** `rawView` is a name that only the keeper uses, for a view that the view is made from. */
function viewRelation({ format, columns, files }: FoundView, paths: string[], rawView: string): SparkRelation {
  if (files.length === 0) {
    const values = columns!.map(({ name, type }) => `CAST(NULL AS ${sparkTypeName(type)}) AS ${quoteSparkName(name)}`)
    return sqlRelation(`SELECT ${values.join(', ')} WHERE false`)
  }
  if (format === 'parquet' && columns) {
    return sqlRelation(`SELECT ${columns.map(({ name }) => quoteSparkName(name)).join(', ')} FROM ${rawView}`)
  }
  return filesRelation(format, columns, paths)
}

function filesRelation(format: FoundView['format'], columns: FoundView['columns'], paths: string[]): SparkRelation {
  const csv = { format, schema: sparkDefinitions(columns ?? []), options: CSV_OPTIONS, paths }
  return { common: { planId: 0 }, read: { dataSource: format === 'csv' ? csv : { format, options: {}, paths } } }
}

function sqlRelation(query: string): SparkRelation {
  return { common: { planId: 0 }, sql: { query, namedArguments: {} } }
}

const viewCommand = (name: string, input: SparkRelation): SparkPlan => ({
  command: { createDataframeView: { input, name, replace: true } },
})

/** From the footers of the files alone. */
async function countRows(spark: SparkSession, path: string, call: Call): Promise<number> {
  const view = `millrace_written_${randomUUID().replaceAll('-', '')}`
  await spark.run(viewCommand(view, filesRelation('parquet', undefined, [path])), NOWHERE, call)
  const count: Row[] = []
  const plan = { root: sqlRelation(`SELECT count(*) AS n FROM ${view}`) }
  for await (const batch of spark.batches(plan, NOWHERE, call)) {
    for (const rows of arrowRows(batch, [{ kind: 'integer', bits: 64, signed: true }])) count.push(...rows)
  }
  return Number(count[0]?.[0])
}

/** Spark knows tasks, of the stages that it has begun so far. */
function progressOf({ onProgress }: EngineCall): (progress: NonNullable<ExecuteResponse['executionProgress']>) => void {
  let last = 0
  return ({ stages = [] }) => {
    const sum = (pick: (stage: (typeof stages)[number]) => number | undefined) =>
      stages.reduce((total, stage) => total + (pick(stage) ?? 0), 0)
    const fraction =
      sum(({ numCompletedTasks }) => numCompletedTasks) /
      Math.max(
        1,
        sum(({ numTasks }) => numTasks),
      )
    if (!onProgress || fraction <= last) return
    last = fraction
    onProgress(Math.min(fraction, 1))
  }
}
