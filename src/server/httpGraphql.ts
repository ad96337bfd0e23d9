import type { IncomingMessage, ServerResponse } from 'node:http'
import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled'
import { InMemoryLRUCache } from '@apollo/utils.keyvaluecache'
import { execute, GraphQLError } from 'graphql'
import type { Logger } from 'pino'
import type { Context } from '../resolvers/context.ts'
import { HttpError, readJsonBody } from './body.ts'
import type { Operations } from './operations.ts'

export interface HttpGraphql {
  start(): Promise<void>
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  stop(): Promise<void>
}

/**
 * Of parsed documents that are kept, as JSON; on the heap they take four times as much. Programs ask the same few over and over; those who write arguments
 * into the text fill any space there is, and Apollo's own is 30 MiB.
 */
const MAX_DOCUMENT_BYTES = 2 * 1024 * 1024

/** GraphQL over HTTP: POST with JSON, and GET for queries. */
export function createHttpGraphql(operations: Operations, log: Logger): HttpGraphql {
  const apollo = new ApolloServer<Context>({
    schema: operations.schema,
    // Our own rule forbids it, so that both transports refuse it alike.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    stopOnTerminationSignals: false,
    documentStore: new InMemoryLRUCache({ maxSize: MAX_DOCUMENT_BYTES }),
    parseOptions: { maxTokens: operations.limits.tokens },
    validationRules: operations.rules,
    formatError: (_, error) => operations.formatError(error),
    logger: log,
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      // It would watch every field of every answer to find that none may be cached.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      execution(operations),
    ],
  })

  let started = false
  return {
    async start() {
      await apollo.start()
      started = true
    },
    async stop() {
      if (started) await apollo.stop()
    },
    handle(request, response) {
      return operations.inFlight.track(answer(request, response))
    },
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? ''
    if (method !== 'GET' && method !== 'POST') {
      response.setHeader('allow', 'GET, POST')
      throw new HttpError(405, `Expected POST or GET, but got ${method}.`, 'Send operations as POST with JSON.')
    }
    const body = method === 'POST' ? await readJsonBody(request, operations.limits.bodyBytes) : undefined
    const reply = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method, headers: headersOf(request), search: searchOf(request), body },
      context: async () => operations.createContext(),
    })
    const headers = { ...Object.fromEntries(reply.headers), 'cache-control': 'no-store' }
    if (reply.body.kind === 'complete') {
      const { string } = reply.body
      // With its length known, an answer leaves in one piece.
      response.writeHead(reply.status ?? 200, { ...headers, 'content-length': Buffer.byteLength(string) }).end(string)
      return
    }
    response.writeHead(reply.status ?? 200, headers)
    for await (const chunk of reply.body.asyncIterator) response.write(chunk)
    response.end()
  }
}

/** Executes operations as over WebSocket. */
function execution({ schema, costProblem, toAnswer }: Operations): ApolloServerPlugin<Context> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ request, document, operation }) {
          if (!operation) return
          if (operation.operation === 'subscription') throw notOverHttp()
          const problem = costProblem(document, operation, request.variables ?? {})
          if (problem) throw problem
        },
        // Apollo's own execution, which prepares for answers in parts, costs a third of a small request.
        async responseForOperation({ request: { variables = {}, operationName = null }, document, contextValue }) {
          const result = await execute({ schema, document, contextValue, variableValues: variables, operationName })
          // Nothing was executed: Apollo finds the same, and knows which status says so.
          if (result.data === undefined) return null
          return {
            http: { headers: new HeaderMap() },
            body: { kind: 'single', singleResult: toAnswer(result, contextValue) },
          }
        },
      }
    },
  }
}

function notOverHttp(): GraphQLError {
  return new GraphQLError('Expected a query or a mutation, but got a subscription.', {
    extensions: {
      hint: 'Subscribe over WebSocket (graphql-transport-ws) at the same address.',
      http: { status: 400 },
    },
  })
}

function headersOf({ headers }: IncomingMessage): HeaderMap {
  const map = new HeaderMap()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  return map
}

function searchOf({ url = '' }: IncomingMessage): string {
  const start = url.indexOf('?')
  return start < 0 ? '' : url.slice(start)
}
