import { getCACertificates } from 'node:tls'
import { fileURLToPath } from 'node:url'
import {
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceDefinition,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { abortable, pause } from '../abortable.ts'
import { isServiceError } from './errors.ts'
import type { SparkAddress } from './url.ts'
import type { ExecuteResponse, StreamMethods, UnaryMethods } from './wire.ts'

const PROTO_FILE = fileURLToPath(new URL('../../../schema/sparkConnect.proto', import.meta.url))
/** An Arrow batch has some megabytes at most. */
const MOST_MESSAGE_BYTES = 128 * 1024 * 1024
/** So many answers wait for a slow reader before the server is paused. */
const MOST_WAITING = 4
/** A channel that could not connect fails every call until it tries again, within a second. */
const CONNECT_PATIENCE_MILLIS = 1_500
const CONNECT_PAUSE_MILLIS = 100
const CLIENT_TYPE = 'millrace'

/** A gRPC channel to one Spark Connect server. Failures are thrown as gRPC has them: a ServiceError. */
export interface SparkChannel {
  unary<Name extends keyof UnaryMethods>(
    method: Name,
    sessionId: string,
    request: UnaryMethods[Name]['request'],
    options: { deadlineMillis: number; signal?: AbortSignal | undefined },
  ): Promise<UnaryMethods[Name]['answer']>
  /**
   * The answers in their order, ending when the server says OK. A reader that stops early, or the signal, cancels the call. Silence is
   * for the reader to judge.
   */
  stream<Name extends keyof StreamMethods>(
    method: Name,
    sessionId: string,
    request: StreamMethods[Name],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<ExecuteResponse, void, undefined>
  close(): void
}

export function openSparkChannel(address: SparkAddress): SparkChannel {
  const { host, port, tls, token, user } = address
  const client = new Client(
    `${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls ? credentials.createSsl(trustedAuthorities()) : credentials.createInsecure(),
    {
      'grpc.max_receive_message_length': MOST_MESSAGE_BYTES,
      'grpc.enable_http_proxy': 0,
      'grpc.use_local_subchannel_pool': 1, // its certificates are those of now, and close() closes it
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
  )
  const methods = loadMethods()
  const metadata = new Metadata()
  if (token !== null) metadata.set('authorization', `Bearer ${token}`)
  const complete = (sessionId: string, request: object) => ({
    sessionId,
    userContext: { userId: user, userName: user },
    clientType: CLIENT_TYPE,
    ...request,
  })

  async function ask(method: keyof UnaryMethods, request: object, deadline: number, signal: AbortSignal | undefined) {
    signal?.throwIfAborted()
    const { path, requestSerialize, responseDeserialize } = methods[method]!
    const answered = Promise.withResolvers<object>()
    const call = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      { deadline },
      (error, answer) => (error ? answered.reject(error) : answered.resolve(answer ?? {})),
    )
    try {
      return await abortable(answered.promise, signal)
    } finally {
      call.cancel() // of one that has its answer: nothing happens
    }
  }

  return {
    async unary(method, sessionId, request, { deadlineMillis, signal }) {
      const deadline = Date.now() + deadlineMillis
      const patience = Date.now() + Math.min(CONNECT_PATIENCE_MILLIS, deadlineMillis)
      for (;;) {
        try {
          return await ask(method, complete(sessionId, request), deadline, signal)
        } catch (error) {
          const mayComeBack = isServiceError(error) && error.code === status.UNAVAILABLE && Date.now() < patience
          if (!mayComeBack) throw error
          await pause(CONNECT_PAUSE_MILLIS, signal)
        }
      }
    },

    async *stream(method, sessionId, request, signal) {
      signal?.throwIfAborted()
      const { path, requestSerialize, responseDeserialize } = methods[method]!
      const call = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        complete(sessionId, request),
        metadata,
        {},
      )
      const waiting: ExecuteResponse[] = []
      let ended = false
      let outcome: StatusObject | undefined
      let wake = () => {}
      call.on('data', (answer: ExecuteResponse) => {
        waiting.push(answer)
        if (waiting.length >= MOST_WAITING) call.pause()
        wake()
      })
      // grpc-js says `end` after an error too, so the status alone tells how it went.
      call.on('end', () => {
        ended = true
        wake()
      })
      call.on('error', () => {})
      call.on('status', (object: StatusObject) => {
        outcome = object
        wake()
      })
      const abort = () => wake()
      signal?.addEventListener('abort', abort, { once: true })
      try {
        for (;;) {
          signal?.throwIfAborted()
          const next = waiting.shift()
          if (next) {
            yield next
          } else if (outcome && outcome.code !== status.OK) {
            throw failureOf(outcome)
          } else if (outcome && ended) {
            return
          } else {
            const woken = Promise.withResolvers<void>()
            wake = woken.resolve
            call.resume()
            if (waiting.length === 0) await woken.promise
          }
        }
      } finally {
        signal?.removeEventListener('abort', abort)
        call.cancel()
      }
    },
    close: () => client.close(),
  }
}

/** Those that Node trusts, with those of NODE_EXTRA_CA_CERTS; gRPC left to itself would not see ones that were added while running. */
function trustedAuthorities(): Buffer {
  return Buffer.from(getCACertificates('default').join('\n'))
}

type Methods = Readonly<Record<string, MethodDefinition<object, object>>>

function loadMethods(): Methods {
  const definition = loadSync(PROTO_FILE, { longs: Number, enums: String, oneofs: true })
  return definition['spark.connect.SparkConnectService'] as ServiceDefinition
}

function failureOf({ code, details, metadata }: StatusObject): ServiceError {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata })
}
