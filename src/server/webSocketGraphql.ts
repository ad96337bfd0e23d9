import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type ExecutionArgs,
  execute,
  GraphQLError,
  getOperationAST,
  getVariableValues,
  parse,
  specifiedRules,
  validate,
} from 'graphql'
import { handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws'
import type { Logger } from 'pino'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Context } from '../resolvers/context.ts'
import type { Operations } from './operations.ts'

/** Queries, mutations and subscriptions under way at a time. */
const MAX_OPERATIONS_PER_SOCKET = 50
const CONNECTION_INIT_DEADLINE_MILLIS = 5_000
/** A client that has not answered a ping by the next one is gone. */
const PING_INTERVAL_MILLIS = 15_000

export interface WebSocketGraphql {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Tells every client that the server goes away, and cuts off those that do not close in time. */
  close(): Promise<void>
}

/** GraphQL over WebSocket (graphql-transport-ws), with the same rules and errors as over HTTP. */
export function createWebSocketGraphql(operations: Operations, log: Logger): WebSocketGraphql {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: operations.limits.bodyBytes, handleProtocols })
  const protocol = makeServer({
    connectionInitWaitTimeout: CONNECTION_INIT_DEADLINE_MILLIS,
    onSubscribe({ subscriptions }, _id, payload) {
      if (Object.keys(subscriptions).length > MAX_OPERATIONS_PER_SOCKET) return [tooManyOperations()]
      return prepare(operations, payload)
    },
    execute: args => operations.inFlight.track(Promise.resolve(execute(args))),
    onNext: (_context, _id, _payload, args, result) => operations.toAnswer(result, args.contextValue as Context),
    onError: (_context, _id, _payload, errors) => errors.map(operations.formatError),
  })

  sockets.on('connection', (socket: WebSocket) => {
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: data => send(socket, data),
        close: (code, reason) => socket.close(code, reason),
        onMessage(receive) {
          socket.on('message', (data: Buffer) => {
            receive(data.toString('utf8')).catch((error: unknown) => {
              log.error({ err: error }, 'a WebSocket message could not be handled')
              socket.close(4500, 'Internal server error')
            })
          })
        },
      },
      undefined,
    )
    // For example a message beyond maxPayload; ws has then closed the socket with the right code.
    socket.on('error', error => log.debug({ err: error }, 'a WebSocket failed'))
    socket.once('close', (code, reason) => void closed(code, String(reason)))
  })
  const stopPinging = pingRegularly(sockets)

  return {
    upgrade(request, socket, head) {
      sockets.handleUpgrade(request, socket, head, webSocket => sockets.emit('connection', webSocket, request))
    },
    async close() {
      stopPinging()
      for (const socket of sockets.clients) socket.close(1001, 'Going away')
      await Promise.race([allClosed(sockets), new Promise(resolve => setTimeout(resolve, 500).unref())])
      for (const socket of sockets.clients) socket.terminate()
    },
  }
}

/** What Apollo does for HTTP: parse, validate, check variables and cost. */
function prepare(operations: Operations, payload: SubscribePayload): ExecutionArgs | readonly GraphQLError[] {
  const { schema, limits, rules, costProblem } = operations
  const { operationName, query, variables } = payload
  let document: ExecutionArgs['document']
  try {
    document = parse(query, { maxTokens: limits.tokens })
  } catch (error) {
    if (error instanceof GraphQLError) return [error]
    throw error
  }
  const invalid = validate(schema, document, [...specifiedRules, ...rules])
  if (invalid.length > 0) return invalid

  const operation = getOperationAST(document, operationName)
  if (!operation) return [unknownOperation(operationName)]
  const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables ?? {})
  if (errors) return errors
  const problem = costProblem(document, operation, variables ?? {})
  if (problem) return [problem]

  return {
    schema,
    document,
    contextValue: operations.createContext(),
    ...(operationName && { operationName }),
    ...(variables && { variableValues: variables }),
  }
}

function unknownOperation(name: string | null | undefined): GraphQLError {
  return new GraphQLError(
    name ? `Unknown operation named "${name}".` : 'Must provide operation name if query contains multiple operations.',
  )
}

function tooManyOperations(): GraphQLError {
  return new GraphQLError(
    `Expected at most ${MAX_OPERATIONS_PER_SOCKET} operations at a time on one WebSocket, but got one more.`,
    { extensions: { hint: 'Complete one of them first, or open another WebSocket.' } },
  )
}

/** Resolves when the bytes have left, which is what holds a subscription back for a slow reader. */
function send(socket: WebSocket, data: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (socket.readyState !== socket.OPEN) return resolve()
    socket.send(data, error => (error ? reject(error) : resolve()))
  })
}

function pingRegularly(sockets: WebSocketServer): () => void {
  const silent = new WeakSet<WebSocket>()
  const timer = setInterval(() => {
    for (const socket of sockets.clients) {
      if (silent.has(socket)) {
        socket.terminate()
        continue
      }
      silent.add(socket)
      socket.once('pong', () => silent.delete(socket))
      socket.ping()
    }
  }, PING_INTERVAL_MILLIS)
  timer.unref()
  return () => clearInterval(timer)
}

function allClosed(sockets: WebSocketServer): Promise<unknown> {
  return Promise.all([...sockets.clients].map(socket => new Promise(resolve => socket.once('close', resolve))))
}
