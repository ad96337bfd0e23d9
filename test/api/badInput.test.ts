import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Reply, startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
afterAll(() => server.close())

interface BadInput {
  what: string
  operation: string
  variables?: object
  code: string
  message: RegExp
  hint?: RegExp
}

const average = 'query ($code: CountyCode!) { averageLoan(countyCode: $code) { loans } }'
const blocks = 'query ($path: StoragePath!) { blockLocations(path: $path) { length } }'

const county = (what: string, code: unknown, message: RegExp): BadInput => ({
  what: `a county code that is ${what}`,
  operation: average,
  variables: { code },
  code: 'BAD_USER_INPUT',
  message,
  hint: /55025 is Dane County/,
})

const path = (what: string, path: unknown, message: RegExp): BadInput => ({
  what: `a path ${what}`,
  operation: blocks,
  variables: { path },
  code: 'BAD_USER_INPUT',
  message,
  hint: /path/,
})

const CASES: BadInput[] = [
  county('a word', 'Dane', /"\$code": Expected a county code, .* Int from 1001 to 99999, but got "Dane"/),
  county('too short', 1000, /but got 1000\./),
  county('too long', 100_000, /but got 100000\./),
  county('negative', -55_025, /but got -55025\./),
  county('a fraction', 55_025.5, /but got 55025\.5\./),
  county('a list', [55_025, 55_026], /but got \[55025,55026\]/),
  {
    what: 'a county code in the document that is no code',
    operation: '{ averageLoan(countyCode: "55025") { loans } }',
    code: 'BAD_USER_INPUT',
    message: /^Expected a county code, .* but got "55025"\./,
    hint: /55025 is Dane County/,
  },
  {
    what: 'a county that has no loans',
    operation: '{ averageLoan(countyCode: 55003) { loans } }',
    code: 'NOT_FOUND',
    message: /No migrated loan has county 55003/,
    hint: /counties/,
  },
  path('with ..', '/a/../b', /has the segment "\.\."/),
  path('with .', '/a/./b', /has the segment "\."/),
  path('with an empty segment', '/a//b', /has an empty segment: "\/a\/\/b"/),
  path('with an encoded slash', '/a%2Fb', /has the percent-code %2F/),
  path('with an encoded dot', '/%2e%2e/b', /has the percent-code %2e/),
  path('with a query', '/a?op=DELETE', /has a \?/),
  path('with a fragment', '/a#b', /has a #/),
  path('with a backslash', '/a\\b', /has a \\/),
  path('with NUL', '/a\0b', /has a control character: "\/a\\u0000b"/),
  path('with a line end', '/a\nb', /has a control character/),
  path('of 5,000 characters', `/${'a/'.repeat(2_499)}b`, /has 5000 bytes, more than 4096/),
  path('with a long segment', `/${'ä'.repeat(128)}`, /segment of 256 bytes, more than 255/),
  path('that is relative', 'a/b', /does not begin with a slash/),
  path('that ends with a slash', '/a/', /ends with a slash/),
  path('that is the root', '/', /is the root folder/),
  path('that is a number', 7, /Expected a storage path as a String, but got 7/),
  {
    what: 'a folder where a file is expected',
    operation: blocks,
    variables: { path: '/folder' },
    code: 'BAD_USER_INPUT',
    message: /found a folder/,
  },
  {
    what: 'a missing file',
    operation: blocks,
    variables: { path: '/nope' },
    code: 'NOT_FOUND',
    message: /no file \/nope/,
    hint: /Migrate/,
  },
  {
    what: 'a missing variable',
    operation: average,
    code: 'BAD_USER_INPUT',
    message: /Variable "\$code" of required type "CountyCode!" was not provided/,
    hint: /declare/,
  },
  {
    what: 'null for a required argument',
    operation: average,
    variables: { code: null },
    code: 'BAD_USER_INPUT',
    message: /must not be null/,
  },
  {
    what: 'an unknown field',
    operation: '{ averageLoans }',
    code: 'BAD_USER_INPUT',
    message: /"averageLoans".*Did you mean "averageLoan"/,
    hint: /schema/,
  },
  {
    what: 'an unknown argument',
    operation: '{ jobs(last: 3) { id } }',
    code: 'BAD_USER_INPUT',
    message: /Unknown argument "last"/,
    hint: /schema/,
  },
  {
    what: 'an unknown enum value',
    operation: '{ jobs(state: DONE) { id } }',
    code: 'BAD_USER_INPUT',
    message: /"DONE"/,
    hint: /schema/,
  },
  { what: 'no selection', operation: '{ jobs }', code: 'BAD_USER_INPUT', message: /must have a selection/ },
  {
    what: 'broken syntax',
    operation: '{ jobs { id }',
    code: 'BAD_USER_INPUT',
    message: /Syntax Error/,
    hint: /Correct the syntax/,
  },
  {
    what: 'an unknown job',
    operation: '{ job(id: "x") { id } }',
    code: 'NOT_FOUND',
    message: /"x"/,
    hint: /jobs query/,
  },
  {
    what: 'no jobs at all',
    operation: '{ jobs(first: 0) { id } }',
    code: 'BAD_USER_INPUT',
    message: /"first" from 1 to 1000, but got 0/,
    hint: /Ask for fewer/,
  },
  {
    what: 'too many jobs',
    operation: '{ jobs(first: 1001) { id } }',
    code: 'BAD_USER_INPUT',
    message: /but got 1001/,
    hint: /narrow/,
  },
  {
    what: 'the cancel of an unknown job',
    operation: 'mutation { cancelJob(id: "x") { id } }',
    code: 'NOT_FOUND',
    message: /"x"/,
    hint: /jobs query/,
  },
]

test.each(CASES)(
  '$what is refused alike over HTTP and WebSocket',
  async ({ operation, variables, code, message, hint }) => {
    const replies = [await server.http(operation, variables), await server.webSocket(operation, variables)] as const
    for (const reply of replies) {
      const error = onlyError(reply)
      expect(error.extensions?.code).toBe(code)
      expect(error.message).toMatch(message)
      if (code === 'BAD_USER_INPUT' && hint === undefined) expect(error.message.length).toBeGreaterThan(10)
      else expect(error.extensions?.hint).toMatch(hint ?? /\w/)
      expect(JSON.stringify(reply)).not.toMatch(/stack|node_modules|\.ts:/)
    }
    expect(replies[1].errors).toEqual(replies[0].errors)
  },
)

test('an error that nobody foresaw is logged whole and shown without detail, over both transports', async () => {
  const operation = '{ averageLoan(countyCode: 13013) { loans } }'
  for (const ask of [server.http, server.webSocket]) {
    const logged = server.logged.length
    const reply = await ask(operation)
    const error = onlyError(reply)
    expect(error.extensions).toEqual({ code: 'INTERNAL', hint: "The server's log has the details." })
    expect(JSON.stringify(reply)).not.toContain('abc')
    const line = JSON.stringify(server.logged.slice(logged))
    expect(line).toContain('password=abc leaked')
    expect(line).toContain('testApp.ts')
  }
})

test('a subscription to an unknown job is an error, not an empty stream', async () => {
  const error = onlyError(await server.webSocket('subscription { jobProgress(id: "x") { id } }'))
  expect(error.extensions?.code).toBe('NOT_FOUND')
})

test('one root field that fails leaves the answers of the others', async () => {
  const reply = await server.http(
    '{ averageLoan(countyCode: 55003) { loans } jobs { id } county(code: 55003) { name } systems { role } }',
  )
  expect(reply.data).toEqual({
    averageLoan: null,
    jobs: [],
    county: null,
    systems: [{ role: 'SOURCE' }, { role: 'STORAGE' }, { role: 'LOG' }, { role: 'ENGINE' }, { role: 'WAREHOUSE' }],
  })
  expect(onlyError(reply).path).toEqual(['averageLoan'])
})

function onlyError(reply: Reply): NonNullable<Reply['errors']>[number] {
  expect(reply.errors).toHaveLength(1)
  return reply.errors![0]!
}
