import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { GraphQLSchema } from 'graphql'
import type { Logger } from 'pino'
import { cannotListen } from '../cannotListen.ts'
import type { Config } from '../config.ts'
import type { Domains } from '../resolvers/context.ts'
import { HttpError } from './body.ts'
import { createGraphiql } from './graphiql.ts'
import { isForUs } from './hosts.ts'
import { createHttpGraphql } from './httpGraphql.ts'
import { createOperations } from './operations.ts'
import { createWebSocketGraphql } from './webSocketGraphql.ts'

export interface Server {
  /** CONFLICT or BAD_USER_INPUT where the port or the host cannot be had. */
  listen(): Promise<{ url: string; webSocketUrl: string }>
  /** Takes nothing new, waits a few seconds for what is under way, and cuts off the rest. */
  close(): Promise<void>
}

export interface ServerParts {
  schema: GraphQLSchema
  domains: Domains
  config: Pick<Config, 'host' | 'port' | 'limits' | 'introspection' | 'graphiql'>
  log: Logger
}

const GRAPHQL_PATH = '/graphql'
/** How long a stop waits for what is under way. */
export const STOP_GRACE_MILLIS = 5_000
const TIMEOUTS = {
  /** To send the head of a request, and all of it. There is none for the answer: a mutation may wait for its job. */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 5_000,
}
const MAX_CONNECTIONS = 2_000

/** One port for GraphQL over HTTP and WebSocket, GraphiQL and the health of the process. */
export function createServer({ schema, domains, config, log }: ServerParts): Server {
  const operations = createOperations(schema, domains, config, log)
  const graphql = createHttpGraphql(operations, log)
  const webSockets = createWebSocketGraphql(operations, log)
  const graphiql = config.graphiql ? createGraphiql() : undefined
  let stopping = false

  const http = createHttpServer(TIMEOUTS, (request, response) => {
    if (stopping) response.setHeader('connection', 'close')
    route(request, response).catch((error: unknown) => refuse(response, error))
  })
  http.maxConnections = MAX_CONNECTIONS
  http.on('upgrade', (request, socket, head) => {
    const status = upgradeStatus(request)
    if (status === undefined) webSockets.upgrade(request, socket, head)
    else endUpgrade(socket, status)
  })

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!isForUs(request, config.host)) throw notForUs(request)
    if (stopping)
      throw new HttpError(503, 'The server is stopping and takes nothing new.', 'Try again when it is back.')
    const path = pathOf(request)
    if (request.method === 'GET' && (await graphiql?.handle(request, response, path))) return
    switch (path) {
      case GRAPHQL_PATH:
        return graphql.handle(request, response)
      case '/healthz':
        return sendJson(response, 200, { status: 'ok' })
      case '/readyz': {
        const systems = await domains.systems.statuses()
        const ready = systems.every(({ reachable }) => reachable)
        return sendJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', systems })
      }
    }
    if (path === '/' && graphiql) {
      response.writeHead(302, { location: GRAPHQL_PATH }).end()
      return
    }
    throw new HttpError(404, `There is nothing at ${JSON.stringify(path.slice(0, 100))}.`, 'GraphQL is at /graphql.')
  }

  function refuse(response: ServerResponse, error: unknown): void {
    if (response.headersSent) {
      log.error({ err: error }, 'an answer broke off')
      response.destroy()
      return
    }
    const status = error instanceof HttpError ? error.status : 500
    if (status === 413) response.setHeader('connection', 'close')
    sendJson(response, status, { errors: [operations.formatError(error)] })
  }

  function upgradeStatus(request: IncomingMessage): string | undefined {
    if (!isForUs(request, config.host)) return '403 Forbidden'
    if (pathOf(request) !== GRAPHQL_PATH) return '404 Not Found'
    return stopping ? '503 Service Unavailable' : undefined
  }

  return {
    async listen() {
      await graphql.start()
      await new Promise<void>((resolve, reject) => {
        http.once('error', error => reject(cannotListen({ ...config, variable: 'MILLRACE_PORT' }, error)))
        http.listen(config.port, config.host, resolve)
      })
      const { port } = http.address() as AddressInfo
      const authority = `${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
      return { url: `http://${authority}`, webSocketUrl: `ws://${authority}${GRAPHQL_PATH}` }
    },
    async close() {
      stopping = true
      const closed = new Promise<void>(resolve => http.close(() => resolve()))
      await operations.inFlight.idle(STOP_GRACE_MILLIS)
      // The last answers still have to leave.
      await new Promise(resolve => setImmediate(resolve))
      await webSockets.close()
      http.closeIdleConnections()
      await Promise.race([closed, new Promise(resolve => setTimeout(resolve, 500).unref())])
      http.closeAllConnections()
      await graphql.stop()
    },
  }
}

function pathOf({ url = '/' }: IncomingMessage): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
  response.writeHead(status, headers).end(JSON.stringify(value))
}

function endUpgrade(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function notForUs({ headers }: IncomingMessage): HttpError {
  const came =
    headers.origin === undefined
      ? `host ${headers.host ?? 'none'}`
      : `host ${headers.host ?? 'none'} from ${headers.origin}`
  return new HttpError(
    403,
    `Expected a request for this machine, from no page but its own, but got ${came}.`,
    'Use the address that the server printed when it started.',
  )
}
