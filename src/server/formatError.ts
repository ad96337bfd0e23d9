import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import type { Logger } from 'pino'
import { MillraceError } from '../errors.ts'

export type FormatError = (error: unknown) => GraphQLFormattedError

/**
 * What a client is told about an error, over HTTP and WebSocket alike: a message, `extensions.code` and `extensions.hint`, never a stack.
 * What nobody foresaw is logged whole and shown as INTERNAL.
 */
export function createFormatError(log: Logger, introspection: boolean): FormatError {
  return error => {
    const { locations, path, message } = asGraphQLError(error)
    const place = { ...(locations && { locations }), ...(path && { path }) }

    const ours = findMillraceError(error)
    if (ours !== undefined && ours.code !== 'INTERNAL') {
      const extensions = { code: ours.code, ...(ours.hint !== undefined && { hint: ours.hint }) }
      return { message: variablePrefix(message) + ours.message, ...place, extensions }
    }
    if (ours === undefined && isFaultOfClient(error)) {
      const told = explain(introspection ? message : withoutSuggestions(message), error)
      return { message: told.message, ...place, extensions: { code: 'BAD_USER_INPUT', hint: told.hint } }
    }
    log.error({ err: innermost(error), path }, 'an error that nobody foresaw')
    return {
      message: 'Something went wrong inside the server.',
      ...place,
      extensions: { code: 'INTERNAL', hint: "The server's log has the details." },
    }
  }
}

function asGraphQLError(error: unknown): GraphQLError {
  return error instanceof GraphQLError ? error : new GraphQLError('', { originalError: error as Error })
}

/** GraphQL wraps what a resolver or a scalar throws, sometimes twice. */
function chain(error: unknown): unknown[] {
  const links = [error]
  for (let link = error; link instanceof GraphQLError && link.originalError !== undefined; ) {
    link = link.originalError
    links.push(link)
  }
  return links
}

function innermost(error: unknown): unknown {
  return chain(error).at(-1)
}

function findMillraceError(error: unknown): MillraceError | undefined {
  return chain(error).find(link => link instanceof MillraceError)
}

/** What GraphQL itself complains about before any resolver runs, or about the arguments of one. */
function isFaultOfClient(error: unknown): boolean {
  if (!chain(error).every(link => link instanceof GraphQLError)) return false
  const { path, message } = asGraphQLError(error)
  return path === undefined || message.startsWith('Argument "')
}

/** Which variable a scalar refused: only GraphQL knows its name. */
function variablePrefix(message: string): string {
  const name = /^Variable "(\$\w+)" got invalid value/.exec(message)?.[1]
  return name === undefined ? '' : `Variable "${name}": `
}

function withoutSuggestions(message: string): string {
  return message.replace(/ ?Did you mean .*\?$/s, '')
}

const HINTS: readonly [pattern: RegExp, hint: string][] = [
  [/^Syntax Error/, 'Correct the syntax of the document at the place given in locations.'],
  [/^Variable "|^Argument "/, 'Send a value of the type that the operation and the schema declare.'],
  [/CSRF/, 'Send the operation as POST with content-type application/json.'],
  [/batching/i, 'Send one operation per request; one operation may ask for many fields.'],
  [
    /introspection/i,
    'The schema is in schema/schema.graphql; the server allows introspection with MILLRACE_INTROSPECTION=true.',
  ],
  [
    /operation ?name|operation named|identify operation/i,
    'Name one of the operations of the document in operationName.',
  ],
]
const OTHER_HINT = 'Compare the operation with the schema: GraphiQL at /graphql shows it and completes names.'

function explain(message: string, error: unknown): { message: string; hint: string } {
  const tokens = /more tha[nt] (\d+) tokens/.exec(message)?.[1]
  if (tokens !== undefined) {
    return {
      message: `Expected a document of at most ${tokens} tokens, but got more.`,
      hint: 'Ask in several operations. The server sets the limit with MILLRACE_MAX_TOKENS.',
    }
  }
  const own = asGraphQLError(error).extensions.hint
  const hint = typeof own === 'string' ? own : HINTS.find(([pattern]) => pattern.test(message))?.[1]
  return { message, hint: hint ?? OTHER_HINT }
}
