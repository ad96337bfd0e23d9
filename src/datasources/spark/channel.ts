import { fileURLToPath } from 'node:url'
import {
  type CallOptions,
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
import { abortable } from '../abortable.ts'
import type { SparkAddress } from './url.ts'
import type { ExecuteResponse, StreamMethods, UnaryMethods } from './wire.ts'

const PROTO_FILE = fileURLToPath(new URL('../../../schema/sparkConnect.proto', import.meta.url))
/** An Arrow batch has some megabytes at most. */
const MOST_MESSAGE_BYTES = 128 * 1024 * 1024
/** So many answers wait for a slow reader before the server is paused. */
const MOST_WAITING = 4
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
    tls ? credentials.createSsl() : credentials.createInsecure(),
    {
      'grpc.max_receive_message_length': MOST_MESSAGE_BYTES,
      'grpc.enable_http_proxy': 0,
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

  return {
    async unary(method, sessionId, request, { deadlineMillis, signal }) {
      signal?.throwIfAborted()
      const { path, requestSerialize, responseDeserialize } = methods[method]!
      const options: CallOptions = { deadline: Date.now() + deadlineMillis }
      const answered = Promise.withResolvers<UnaryMethods[keyof UnaryMethods]['answer']>()
      const call = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        complete(sessionId, request),
        metadata,
        options,
        (error, answer) => (error ? answered.reject(error) : answered.resolve(answer ?? {})),
      )
      try {
        return await abortable(answered.promise, signal)
      } finally {
        call.cancel() // of one that has its answer: nothing happens
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

type Methods = Readonly<Record<string, MethodDefinition<object, object>>>

function loadMethods(): Methods {
  const definition = loadSync(PROTO_FILE, { longs: Number, enums: String, oneofs: true })
  return definition['spark.connect.SparkConnectService'] as ServiceDefinition
}

function failureOf({ code, details, metadata }: StatusObject): ServiceError {
  return Object.assign(new Error(`${code} ${status[code]}: ${details}`), { code, details, metadata })
}
