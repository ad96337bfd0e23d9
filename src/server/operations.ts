import type { ExecutionResult, GraphQLSchema, ValidationRule } from 'graphql'
import type { Logger } from 'pino'
import type { Limits } from '../config.ts'
import { type Context, createContext, type Domains } from '../resolvers/context.ts'
import { createFormatError, type FormatError } from './formatError.ts'
import { createInFlight, type InFlight } from './inFlight.ts'
import { type CostCheck, createCostCheck, validationRules } from './limits.ts'

/** What both transports do alike: the rules an operation must keep, its context, its errors. */
export interface Operations {
  schema: GraphQLSchema
  limits: Limits
  rules: ValidationRule[]
  /** After validation, because the cost of an operation may depend on its variables. */
  costProblem: CostCheck
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
    costProblem: createCostCheck(schema, limits.cost),
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
