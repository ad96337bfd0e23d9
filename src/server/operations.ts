import type { ExecutionResult, FormattedExecutionResult, GraphQLSchema, ValidationRule } from 'graphql'
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
  /** What a client is sent of the result of executing an operation in this context. */
  toAnswer: (result: Executed, context: Context) => FormattedExecutionResult
}

/** graphql's result, or that of graphql-ws. */
type Executed = { [Key in keyof ExecutionResult]?: ExecutionResult[Key] | undefined }

export function createOperations(
  schema: GraphQLSchema,
  domains: Domains,
  { limits, introspection }: { limits: Limits; introspection: boolean },
  log: Logger,
): Operations {
  const formatError = createFormatError(log, introspection)
  return {
    schema,
    limits,
    rules: validationRules(limits, introspection),
    costProblem: createCostCheck(schema, limits.cost),
    formatError,
    inFlight: createInFlight(),
    createContext: () => createContext(domains),
    toAnswer({ data, errors, extensions }, { warnings }) {
      const told = warnings.size === 0 ? extensions : { ...extensions, warnings: [...warnings] }
      return {
        ...(errors && { errors: errors.map(formatError) }),
        ...(data !== undefined && { data }),
        ...(told && { extensions: told }),
      }
    },
  }
}
