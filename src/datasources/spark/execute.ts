import { randomUUID } from 'node:crypto'
import { pause } from '../abortable.ts'
import type { SparkChannel } from './channel.ts'
import { isConnectionFailure, isUnknownOperation } from './errors.ts'
import type { ExecuteResponse, SparkPlan } from './wire.ts'

export interface SparkDeadlines {
  /** For a question that Spark answers without running a query; it may have to look at many files. */
  answerMillis: number
  /** Between two looks whether the server still answers while a query runs and says nothing. */
  heartbeatMillis: number
  /** For each of these looks. */
  pulseMillis: number
  /** How long a query that lost its connection is looked for again. */
  reattachMillis: number
}

export const SPARK_DEADLINES: SparkDeadlines = {
  answerMillis: 60_000,
  heartbeatMillis: 5_000,
  pulseMillis: 5_000,
  reattachMillis: 10_000,
}

const REATTACH_PAUSE_MILLIS = 250
/** The server keeps answers until they are released, to send them again. */
const ANSWERS_PER_RELEASE = 8

export interface Execution {
  channel: SparkChannel
  sessionId: string
  plan: SparkPlan
  deadlines: SparkDeadlines
  signal: AbortSignal | undefined
}

/**
 * Runs a plan and gives its answers, each once. The server ends the stream of a long query now and then, and a connection may
 * break: then it is asked to go on behind the last answer that came. Only ResultComplete is the end.
 * A reader that stops early, or the signal, interrupts the query in Spark. Failures are thrown as gRPC has them.
 */
export async function* execute(execution: Execution): AsyncGenerator<ExecuteResponse, void, undefined> {
  const { channel, sessionId, plan, deadlines, signal } = execution
  const operationId = randomUUID()
  const reattachable = [{ reattachOptions: { reattachable: true as const } }]
  let last: string | undefined
  let complete = false
  let failingSince: number | undefined
  let begun = false
  let answers = 0

  try {
    while (!complete) {
      const stream = begun
        ? channel.stream(
            'ReattachExecute',
            sessionId,
            { operationId, ...(last !== undefined && { lastResponseId: last }) },
            signal,
          )
        : channel.stream('ExecutePlan', sessionId, { plan, operationId, requestOptions: reattachable }, signal)
      begun = true
      try {
        for await (const answer of withPulse(stream, execution)) {
          failingSince = undefined
          last = answer.responseId
          if (answer.resultComplete) complete = true
          else yield answer
          if (++answers % ANSWERS_PER_RELEASE === 0) await release({ releaseUntil: { responseId: last } })
        }
      } catch (error) {
        signal?.throwIfAborted()
        // Of a plan that never arrived Spark knows nothing: then it is sent again.
        const neverBegun = last === undefined && isUnknownOperation(error)
        if (!neverBegun && !isConnectionFailure(error)) throw error
        if (neverBegun) begun = false
        failingSince ??= performance.now()
        if (performance.now() - failingSince > deadlines.reattachMillis) throw error
        await pause(REATTACH_PAUSE_MILLIS, signal)
      }
    }
  } finally {
    // Neither is waited for longer than a moment, nor does what becomes of it matter: the server forgets by itself in the end.
    if (!complete) void interrupt()
    void release({ releaseAll: {} })
  }

  async function release(what: { releaseUntil: { responseId: string } } | { releaseAll: object }): Promise<void> {
    await quietly(
      channel.unary('ReleaseExecute', sessionId, { operationId, ...what }, { deadlineMillis: deadlines.pulseMillis }),
    )
  }
  async function interrupt(): Promise<void> {
    const request = { interruptType: 'INTERRUPT_TYPE_OPERATION_ID' as const, operationId }
    await quietly(channel.unary('Interrupt', sessionId, request, { deadlineMillis: deadlines.pulseMillis }))
  }
}

async function quietly(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined)
}

/** The same answers; while none comes, the server is asked for its pulse, whose failure ends the wait. */
async function* withPulse(
  stream: AsyncGenerator<ExecuteResponse, void, undefined>,
  { channel, sessionId, deadlines }: Execution,
): AsyncGenerator<ExecuteResponse, void, undefined> {
  try {
    for (;;) {
      const next = await whileAlive(stream.next())
      if (next.done) return
      yield next.value
    }
  } finally {
    void quietly(stream.return(undefined))
  }

  async function whileAlive<T>(waiting: Promise<T>): Promise<T> {
    const dead = Promise.withResolvers<never>()
    let timer: NodeJS.Timeout | undefined
    let over = false
    const beat = () => {
      timer = setTimeout(() => {
        channel
          .unary('AnalyzePlan', sessionId, { sparkVersion: {} }, { deadlineMillis: deadlines.pulseMillis })
          .then(() => {
            if (!over) beat()
          }, dead.reject)
      }, deadlines.heartbeatMillis)
    }
    beat()
    waiting.catch(() => undefined)
    dead.promise.catch(() => undefined)
    try {
      return await Promise.race([waiting, dead.promise])
    } finally {
      over = true
      clearTimeout(timer)
    }
  }
}
