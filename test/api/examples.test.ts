import { parse, validate } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { createSchema } from '../../src/resolvers/schema.ts'
import { readExamples } from '../../src/server/graphiql.ts'
import { validationRules } from '../../src/server/limits.ts'
import { startTestApp, type TestApp } from './testApp.ts'

const schema = createSchema()
let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
afterAll(() => server.close())

test('there are a dozen examples with names of their own', () => {
  const labels = readExamples().map(({ label }) => label)
  expect(labels.length).toBeGreaterThanOrEqual(12)
  expect(new Set(labels).size).toBe(labels.length)
})

test.each(readExamples())('"$label" is valid and within the default limits', async ({ query }) => {
  const document = parse(query)
  expect(validate(schema, document)).toEqual([])
  expect(validate(schema, document, validationRules(readConfig({}).limits, true))).toEqual([])
  if (/^query/m.test(query)) {
    const codes = (await server.http(query)).errors?.map(({ extensions }) => extensions?.code) ?? []
    expect(codes.filter(code => code !== 'NOT_FOUND')).toEqual([])
  }
})
