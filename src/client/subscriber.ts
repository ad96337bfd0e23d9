import { createClient as createSocketClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import type { TypedDocumentString } from './generated/graphql.ts'
import { areGraphqlErrors, errorOf, type GraphqlReply } from './reply.ts'

/** Subscriptions over one WebSocket, which is open while there are any. */
export interface Subscriber {
  values<Result, Variables>(
    operation: TypedDocumentString<Result, Variables>,
    variables: Variables,
    signal?: AbortSignal,
  ): AsyncGenerator<GraphqlReply<Result>, void, undefined>
  close(): Promise<void>
}

/** A job may be silent for long: the server is asked for a sign of life this often, and has as long to give it. */
const pingMillis = 5_000
const reconnections = 3

export function createSubscriber(endpoint: URL, connectMillis: number): Subscriber {
  const url = new URL(endpoint)
  url.protocol = url.protocol.replace('http', 'ws')
  let silence: NodeJS.Timeout | undefined
  let connectedOnce = false

  const socket = createSocketClient({
    url: url.href,
    webSocketImpl: class extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols, { handshakeTimeout: connectMillis })
      }
    },
    connectionAckWaitTimeout: connectMillis,
    retryAttempts: reconnections,
    // A server that was never there is no broken connection.
    shouldRetry: () => connectedOnce,
    retryWait: retries => new Promise(resolve => setTimeout(resolve, 200 * 2 ** retries)),
    keepAlive: pingMillis,
    on: {
      connected: () => {
        connectedOnce = true
      },
      ping: received => {
        if (!received) silence = setTimeout(() => socket.terminate(), pingMillis)
      },
      pong: received => {
        if (received) clearTimeout(silence)
      },
      closed: () => clearTimeout(silence),
    },
  })

  return {
    async *values<Result, Variables>(
      operation: TypedDocumentString<Result, Variables>,
      variables: Variables,
      signal?: AbortSignal,
    ) {
      signal?.throwIfAborted()
      const results = socket.iterate<Result>({
        query: operation.toString(),
        variables: variables as Record<string, unknown>,
      })
      const stop = () => void results.return?.()
      signal?.addEventListener('abort', stop)
      try {
        for await (const result of results) yield result
      } catch (thrown) {
        throw failureOf(thrown)
      } finally {
        signal?.removeEventListener('abort', stop)
      }
    },
    async close() {
      await socket.dispose()
    },
  }
}

/** graphql-ws throws GraphQL errors as a list, and else the event of the socket. */
function failureOf(thrown: unknown): unknown {
  if (areGraphqlErrors(thrown) && thrown[0]) return errorOf(thrown[0])
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return thrown
  if ('message' in thrown && typeof thrown.message === 'string') return new Error(thrown.message)
  if ('code' in thrown) return new Error(`the connection was closed with code ${String(thrown.code)}`)
  return thrown
}
