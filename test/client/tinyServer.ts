import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buildSchema, graphql } from 'graphql'
import { useServer } from 'graphql-ws/use/ws'
import { WebSocketServer } from 'ws'

/** Answers of the root fields by name, as graphql-js takes them. */
export type Answers = Record<string, (variables: Record<string, unknown>) => unknown>

/** The checked-in schema over HTTP and WebSocket with answers of the test's own: only the client is under test. */
export async function listenTinyServer(
  answers: Answers,
  handle?: (request: IncomingMessage, reply: ServerResponse) => void,
) {
  const schema = buildSchema(readFileSync(new URL('../../schema/schema.graphql', import.meta.url), 'utf8'))
  const server = createServer(handle ?? answer)
  const sockets = new WebSocketServer({ server, path: '/graphql' })
  const graphqlSockets = useServer(
    { schema, roots: { subscription: answers, query: answers, mutation: answers } },
    sockets,
  )

  async function answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { query, variables } = JSON.parse((await request.toArray()).join(''))
    const result = await graphql({ schema, source: query, variableValues: variables, rootValue: answers })
    reply.setHeader('content-type', 'application/graphql-response+json').end(JSON.stringify(result))
  }

  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Open WebSockets. */
    sockets: sockets.clients,
    async close() {
      server.closeAllConnections()
      for (const socket of sockets.clients) socket.terminate()
      await graphqlSockets.dispose()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
