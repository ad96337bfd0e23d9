// First: the decorators of the resolvers need what it installs.
import 'reflect-metadata'
import { type GraphQLSchema, lexicographicSortSchema, printSchema } from 'graphql'
import { buildSchemaSync } from 'type-graphql'
import { FilesMutations, FilesQueries, FilesSubscriptions } from './files.ts'
import { JobQueries } from './jobs.ts'
import { CountyFields, LoanQueries } from './loans.ts'
import { BlockLocationsFields, SystemQueries } from './systems.ts'
import { WarehouseMutations, WarehouseQueries } from './warehouse.ts'
import { WeatherMutations, WeatherQueries, WeatherSubscriptions } from './weather.ts'

/** The whole schema; its resolvers find what they need in the Context of the operation. */
export function createSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      LoanQueries,
      CountyFields,
      WeatherQueries,
      WeatherMutations,
      WeatherSubscriptions,
      FilesQueries,
      FilesMutations,
      FilesSubscriptions,
      WarehouseQueries,
      WarehouseMutations,
      JobQueries,
      SystemQueries,
      BlockLocationsFields,
    ],
    // Scalars and resolvers check their arguments themselves, with better messages.
    validate: false,
    pubSub: { publish: noTopics, subscribe: noTopics },
  })
  for (const [name, description] of Object.entries(ROOT_DESCRIPTIONS)) {
    const type = schema.getType(name)
    if (type) type.description = description
  }
  return schema
}

/** type-graphql has no place for these. */
const ROOT_DESCRIPTIONS = {
  Query:
    'Questions. Fields that ask another system are nullable, so that one failure does not take the other answers away.',
  Mutation: 'What changes something. Long work is a job: by default the answer comes when it has ended.',
  Subscription: 'What is told as it happens, over WebSocket (graphql-transport-ws) on the same port and path.',
}

/** type-graphql wants a topic hub for any subscription; ours all bring an iterator of their own. */
function noTopics(): never {
  throw new TypeError('A subscription must give its own iterator: @Subscription({ subscribe })')
}

/** The schema as text, in an order that does not depend on that of the code. */
export function printSortedSchema(schema: GraphQLSchema): string {
  return `# Emitted from src/resolvers by "npm run codegen". Do not edit.\n\n${printSchema(lexicographicSortSchema(schema))}\n`
}
