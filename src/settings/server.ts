import { z } from 'zod'
import { setting, trueOrFalse, wholeNumber } from './setting.ts'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const PORT = wholeNumber(0, 65_535)

/** The server itself, and its limits. */
export const SERVER_SETTINGS = {
  MILLRACE_HOST: setting({
    description: 'The address to listen on. Only loopback for now, because there are no access tokens yet.',
    fallback: '127.0.0.1',
    expected:
      'a loopback address, such as 127.0.0.1, ::1 or localhost (anyone who reaches a public one could change data: there are no access tokens yet)',
    schema: z.string().refine(isLoopback),
  }),
  MILLRACE_PORT: setting({
    description: 'The port to listen on; 0 takes any free one.',
    fallback: '4000',
    ...PORT,
  }),
  MILLRACE_GRPC_PORT: setting({
    description: 'The port of the gRPC service in schema/lender.proto, on the same address; 0 takes any free one.',
    fallback: 'off',
    expected: `off, or ${PORT.expected}`,
    schema: z.union([z.literal('off').transform(() => null), PORT.schema]),
  }),
  MILLRACE_DATA_DIR: setting({
    description:
      "The folder for the server's own files: job history, the embedded source and storage. One server at a time uses it.",
    fallback: './data',
    expected: 'a folder',
    schema: z.string().refine(folder => !folder.includes('\0')),
  }),
  MILLRACE_LOG_LEVEL: setting({
    description: 'The least severe log lines to write.',
    fallback: 'info',
    expected: `one of ${LOG_LEVELS.join(', ')}`,
    schema: z.enum(LOG_LEVELS),
  }),
  MILLRACE_MAX_DEPTH: setting({
    description: 'How deep fields of one GraphQL operation may be nested; introspection is not counted.',
    fallback: '10',
    ...wholeNumber(1, 1_000),
  }),
  MILLRACE_MAX_ALIASES: setting({
    description: 'How many aliases one GraphQL operation may have.',
    fallback: '100',
    ...wholeNumber(0, 100_000),
  }),
  MILLRACE_MAX_TOKENS: setting({
    description: 'How many tokens (names, punctuation, values) one GraphQL document may have.',
    fallback: '4000',
    ...wholeNumber(1, 1_000_000),
  }),
  MILLRACE_MAX_COST: setting({
    description:
      'What one GraphQL operation may cost: 1 a field, 10 a county average, lists times their expected length.',
    fallback: '5000',
    ...wholeNumber(1, 1_000_000_000),
  }),
  MILLRACE_MAX_BODY_BYTES: setting({
    description: 'The largest HTTP body, WebSocket message and gRPC message taken, in bytes.',
    fallback: '262144',
    ...wholeNumber(1_024, 1_073_741_824),
  }),
  MILLRACE_INTROSPECTION: setting({
    description: 'Whether clients may ask for the schema; GraphiQL needs it.',
    fallback: 'true',
    ...trueOrFalse,
  }),
  MILLRACE_GRAPHIQL: setting({
    description: 'Whether a browser at /graphql gets GraphiQL.',
    fallback: 'true',
    ...trueOrFalse,
  }),
}

/** True for an address that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}
