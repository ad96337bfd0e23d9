import type { ExecutionResult, GraphQLSchema, ValidationRule } from 'graphql'
import type { Logger } from 'pino'
import type { Limits } from '../config.ts'
import { type Context, createContext, type Domains } from '../resolvers/context.ts'
import { createFormatError, type FormatError } from './formatError.ts'
import { createInFlight, type InFlight } from './inFlight.ts'
import { validationRules } from './limits.ts'

/** What both transports do alike: the rules an operation must keep, its context, its errors. */
export interface Operations {
  schema: GraphQLSchema
  limits: Limits
  rules: ValidationRule[]
  formatError: FormatError
  inFlight: InFlight
  createContext(): Context
}

export function createOperations(
  schema: GraphQLSchema,
  domains: Domains,
  { limits, introspection }: { limits: Limits; introspection: boolean },
  log: Logger,
): Operations {
  return {
    schema,
    limits,
    rules: validationRules(limits, introspection),
    formatError: createFormatError(log, introspection),
    inFlight: createInFlight(),
    createContext: () => createContext(domains),
  }
}

/** `extensions` with the operation's warnings; undefined where there is nothing to tell. */
export function withWarnings(
  extensions: ExecutionResult['extensions'],
  { warnings }: Context,
): ExecutionResult['extensions'] | undefined {
  return warnings.size === 0 ? extensions : { ...extensions, warnings: [...warnings] }
}
