import { Agent, fetch, type Response } from 'undici'
import { MillraceError } from '../errors.ts'
import type { TypedDocumentString } from './generated/graphql.ts'
import { dataOf, type GraphqlReply, isGraphqlReply, warningsOf } from './reply.ts'
import { createSubscriber } from './subscriber.ts'

/**
 * A server's API, typed by the operations in schema/operations.
 *
 * Errors of the server come back as the MillraceError they were, with code and hint; a reply with any error is that error.
 * UNAVAILABLE where no server answers. A signal's reason is thrown as it is.
 */
export interface Client {
  /** Where the server listens, without path. */
  readonly url: string

  /** Queries have 60 s for their reply; mutations may wait for their job, and end by the signal only. */
  request<Result, Variables>(
    operation: TypedDocumentString<Result, Variables>,
    variables: Variables,
    options?: { signal?: AbortSignal },
  ): Promise<Result>

  /**
   * Each value of a subscription. A connection that breaks is opened again some times, so a value may come twice. Leaving the loop ends
   * the subscription; so does the signal, and its reason is thrown.
   */
  subscribe<Result, Variables>(
    operation: TypedDocumentString<Result, Variables>,
    variables: Variables,
    options?: { signal?: AbortSignal },
  ): AsyncGenerator<Result, void, undefined>

  close(): Promise<void>
}

const connectMillis = 5_000
const queryMillis = 60_000

export interface ClientOptions {
  /** Gets what the user should know although the answer is right. */
  onWarning?: (warning: string) => void
}

/** A client of the server at `url`: "http://127.0.0.1:4000", with or without the path /graphql. */
export function createClient(url: string, { onWarning }: ClientOptions = {}): Client {
  const endpoint = graphqlEndpoint(url)
  const agent = new Agent({ connect: { timeout: connectMillis }, headersTimeout: 0, bodyTimeout: 0 })
  const subscriber = createSubscriber(endpoint, connectMillis)

  return {
    url: endpoint.origin,

    async request(operation, variables, { signal } = {}) {
      const query = operation.toString()
      const deadline = query.trimStart().startsWith('mutation') ? undefined : AbortSignal.timeout(queryMillis)
      const signals = [signal, deadline].filter(one => one !== undefined)
      try {
        const response = await fetch(endpoint, {
          dispatcher: agent,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/graphql-response+json, application/json',
          },
          body: JSON.stringify({ query, variables }),
          signal: AbortSignal.any(signals),
        })
        const reply = await replyOf(response, endpoint)
        for (const warning of warningsOf(reply)) onWarning?.(warning)
        return dataOf(reply)
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof MillraceError) throw error
        throw noAnswer(
          endpoint,
          deadline?.aborted ? `no reply within ${queryMillis / 1_000} s` : reasonOf(error),
          error,
        )
      }
    },

    async *subscribe(operation, variables, { signal } = {}) {
      try {
        for await (const reply of subscriber.values(operation, variables, signal)) yield dataOf(reply)
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof MillraceError) throw error
        throw noAnswer(endpoint, reasonOf(error), error)
      }
      signal?.throwIfAborted()
    },

    async close() {
      await subscriber.close()
      await agent.destroy()
    },
  }
}

function graphqlEndpoint(url: string): URL {
  const endpoint = URL.parse(url)
  if (!endpoint || !['http:', 'https:'].includes(endpoint.protocol)) {
    throw new MillraceError(
      'BAD_USER_INPUT',
      `Expected the URL of a Millrace server, but got ${JSON.stringify(url)}.`,
      {
        hint: 'For example http://127.0.0.1:4000.',
      },
    )
  }
  if (endpoint.pathname === '/') endpoint.pathname = '/graphql'
  return endpoint
}

async function replyOf(response: Response, endpoint: URL): Promise<GraphqlReply<never>> {
  const text = await response.text()
  try {
    const reply: unknown = JSON.parse(text)
    if (isGraphqlReply(reply)) return reply
  } catch {
    // Not JSON: some other program's page, told below by its status and type.
  }
  const type = response.headers.get('content-type') ?? 'no content type'
  throw new MillraceError(
    'UNAVAILABLE',
    `${endpoint.origin}${endpoint.pathname} answered ${response.status} with ${type}, not with a GraphQL reply.`,
    {
      hint: 'Is this the URL of a Millrace server?',
    },
  )
}

function noAnswer(endpoint: URL, reason: string, cause: unknown): MillraceError {
  return new MillraceError('UNAVAILABLE', `No Millrace server answers at ${endpoint.origin}: ${reason}.`, {
    hint: 'Start it with "millrace serve", or name another with --url.',
    cause,
  })
}

/** What a failed fetch or socket says; fetch hides the reason in `cause`, and an attempt on two addresses in `errors`. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (error instanceof Error) return error.cause instanceof Error ? reasonOf(error.cause) : error.message
  return String(error)
}
