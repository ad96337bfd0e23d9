import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases'
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth'
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql'
// "/cjs" on purpose: the other build of the package imports a second graphql, whose classes are not ours.
import { fieldExtensionsEstimator, getComplexity, simpleEstimator } from 'graphql-query-complexity/cjs'
import type { Limits } from '../config.ts'

/** The limits that validation can see, besides GraphQL's own rules; the same for both transports. */
export function validationRules(limits: Limits, introspection: boolean): ValidationRule[] {
  const common = { propagateOnRejection: false }
  const depth = maxDepthRule({
    ...common,
    n: limits.depth,
    // GraphiQL's introspection is 15 levels deep; graphql itself bounds what introspection may repeat.
    ignoreIntrospection: true,
    flattenFragments: true,
    onReject: [
      report(
        `Expected fields nested at most ${limits.depth} deep`,
        'Ask in several operations. The server sets the limit with MILLRACE_MAX_DEPTH.',
      ),
    ],
  })
  const aliases = maxAliasesRule({
    ...common,
    n: limits.aliases,
    allowList: [],
    onReject: [
      report(
        `Expected at most ${limits.aliases} aliases`,
        'Ask in several operations. The server sets the limit with MILLRACE_MAX_ALIASES.',
      ),
    ],
  })
  return [depth, aliases, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule])]
}

/**
 * What is wrong with an operation's cost; undefined where it is affordable, and where its variables are wrong, which the executor
 * says better.
 */
export function costProblem(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  most: number,
): GraphQLError | undefined {
  if (getVariableValues(schema, operation.variableDefinitions ?? [], variables).errors) return undefined
  let cost: number
  try {
    cost = getComplexity({
      schema,
      query: document,
      variables,
      estimators: [fieldExtensionsEstimator(), simpleEstimator({ defaultComplexity: 1 })],
      ...(operation.name && { operationName: operation.name.value }),
    })
  } catch (error) {
    // It gives up counting at 10,000 fields.
    if (!(error instanceof GraphQLError)) throw error
    cost = Number.POSITIVE_INFINITY
  }
  if (cost <= most) return undefined
  const came = Number.isFinite(cost) ? String(cost) : 'far more'
  return new GraphQLError(`Expected an operation that costs at most ${most}, but got one that costs ${came}.`, {
    extensions: {
      hint: 'Ask for fewer fields or shorter lists, in several operations. The server sets the limit with MILLRACE_MAX_COST.',
      http: { status: 400 },
    },
  })
}

/** The rules of graphql-armor would throw away what other rules found, and call it a syntax error. */
function report(expected: string, hint: string) {
  return (context: ValidationContext | null, error: GraphQLError): void => {
    const found = /found (\d+)/.exec(error.message)?.[1] ?? 'more'
    context?.reportError(new GraphQLError(`${expected}, but got ${found}.`, { extensions: { hint } }))
  }
}
