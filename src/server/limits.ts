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

/** Tells what is wrong with an operation's cost; undefined where it is affordable. */
export type CostCheck = (
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
) => GraphQLError | undefined

export function createCostCheck(schema: GraphQLSchema, most: number): CostCheck {
  /** Of operations without variables, for as long as a transport keeps them parsed: counting is a third of what a small one costs. */
  const costs = new WeakMap<OperationDefinitionNode, number>()

  return (document, operation, variables) => {
    const definitions = operation.variableDefinitions ?? []
    // The executor says better what is wrong with variables.
    if (definitions.length > 0 && getVariableValues(schema, definitions, variables).errors) return undefined
    const cost = costs.get(operation) ?? costOf(schema, document, operation, variables)
    if (definitions.length === 0) costs.set(operation, cost)
    return cost <= most ? undefined : tooExpensive(cost, most)
  }
}

function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): number {
  try {
    return getComplexity({
      schema,
      query: document,
      variables,
      estimators: [fieldExtensionsEstimator(), simpleEstimator({ defaultComplexity: 1 })],
      ...(operation.name && { operationName: operation.name.value }),
    })
  } catch (error) {
    // It gives up counting at 10,000 fields.
    if (!(error instanceof GraphQLError)) throw error
    return Number.POSITIVE_INFINITY
  }
}

function tooExpensive(cost: number, most: number): GraphQLError {
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
