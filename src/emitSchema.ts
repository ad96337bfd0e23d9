import { mkdirSync, writeFileSync } from 'node:fs'
import { createSchema, printSortedSchema } from './resolvers/schema.ts'

/** Writes schema/schema.graphql, or the file named by the first argument. */
const target = process.argv[2] ?? new URL('../schema/schema.graphql', import.meta.url)
mkdirSync(new URL('../schema', import.meta.url), { recursive: true })
writeFileSync(target, printSortedSchema(createSchema()))
