import type { Call } from '../call.ts'
import type { EngineCall } from '../engine.ts'
import { requireUniqueNames } from '../sqlProblem.ts'
import type { SparkChannel } from './channel.ts'
import { errorIdOf, explainSparkError, type FindPlace, isServiceError } from './errors.ts'
import { execute, type SparkDeadlines } from './execute.ts'
import type { SparkQuery } from './query.ts'
import { columnTypeOf, type SparkColumn } from './types.ts'
import type { SparkAddress } from './url.ts'
import type { ErrorDetails, ExecuteResponse, SparkPlan } from './wire.ts'

/** For plans that hold no SQL of a user. */
export const NOWHERE: FindPlace = () => null

/** What Spark answers to one session, with its errors explained. */
export interface SparkSession {
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

export interface SparkSessionParts {
  channel: SparkChannel
  sessionId: string
  address: SparkAddress
  deadlines: SparkDeadlines
}

export function sparkSession({ channel, sessionId, address, deadlines }: SparkSessionParts): SparkSession {
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
