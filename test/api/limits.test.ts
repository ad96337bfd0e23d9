import { getIntrospectionQuery } from 'graphql'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { post, type Reply, startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp({
    environment: {
      MILLRACE_MAX_DEPTH: '4',
      MILLRACE_MAX_ALIASES: '10',
      MILLRACE_MAX_TOKENS: '300',
      MILLRACE_MAX_COST: '1500',
      MILLRACE_MAX_BODY_BYTES: '10000',
    },
  })
})
afterAll(() => server.close())

const aliases = (count: number) =>
  `{ ${Array.from({ length: count }, (_, index) => `a${index}: __typename`).join(' ')} }`
const fields = (count: number) => `{ ${'__typename '.repeat(count)} }`

interface Limit {
  what: string
  passes: string
  refused: string
  variables?: object
  message: string
  hint: RegExp
}

const LIMITS: Limit[] = [
  {
    what: 'depth',
    passes: '{ counties { averageLoan { cost { bytesRead } } } }',
    refused: '{ __type(name: "Job") { fields { type { ofType { name } } } } }',
    message: 'Expected fields nested at most 4 deep, but got 5.',
    hint: /MILLRACE_MAX_DEPTH/,
  },
  {
    what: 'depth inside fragments',
    passes:
      '{ ...A } fragment A on Query { ...B } fragment B on Query { counties { averageLoan { cost { bytesRead } } } }',
    refused:
      '{ ...A } fragment A on Query { __type(name: "Job") { fields { ...B } } } fragment B on __Field { type { ofType { name } } }',
    message: 'Expected fields nested at most 4 deep, but got 5.',
    hint: /MILLRACE_MAX_DEPTH/,
  },
  {
    what: 'aliases',
    passes: aliases(10),
    refused: aliases(11),
    message: 'Expected at most 10 aliases, but got 11.',
    hint: /MILLRACE_MAX_ALIASES/,
  },
  {
    what: 'tokens',
    passes: fields(298),
    refused: fields(299),
    message: 'Expected a document of at most 300 tokens, but got more.',
    hint: /MILLRACE_MAX_TOKENS/,
  },
  {
    what: 'cost',
    passes: '{ counties { code averageLoan { averageLoan loans } } }',
    refused: '{ counties { averageLoan { averageLoan } } jobs(first: 1000) { id state } }',
    message: 'Expected an operation that costs at most 1500, but got one that costs 2798.',
    hint: /MILLRACE_MAX_COST/,
  },
]

test.each(LIMITS)('$what: what fits is answered, what does not is refused, over both transports', async limit => {
  for (const ask of [server.http, server.webSocket]) {
    expect((await ask(limit.passes)).errors).toBeUndefined()
    const { data, errors } = await ask(limit.refused)
    expect(data).toBeUndefined()
    expect(errors).toHaveLength(1)
    expect(errors![0]).toMatchObject({
      message: limit.message,
      extensions: { code: 'BAD_USER_INPUT', hint: expect.stringMatching(limit.hint) as string },
    })
  }
  expect((await post(server.url, { query: limit.refused })).status).toBe(400)
})

test('the cost counts what variables make of it', async () => {
  const query = 'query ($first: Int) { jobs(first: $first) { id state } }'
  expect((await server.http(query, { first: 700 })).errors).toBeUndefined()
  expect((await server.http(query, { first: 800 })).errors?.[0]?.message).toContain('costs 1601')
})

test('by default all 72 counties with everything about their averages fit, and so does GraphiQL asking for the schema', async () => {
  const defaults = await startTestApp()
  try {
    const all =
      '{ counties { code name averageLoan { countyCode averageLoan loans source cost { elapsedMillis bytesRead storageRequests } } } }'
    const schema = getIntrospectionQuery({ schemaDescription: true, inputValueDeprecation: true, specifiedByUrl: true })
    const each = `{ ${Array.from({ length: 72 }, (_, index) => `c${index}: averageLoan(countyCode: ${55_001 + 2 * index}) { averageLoan loans source }`).join(' ')} }`
    for (const ask of [defaults.http, defaults.webSocket]) {
      expect((await ask(all)).errors).toBeUndefined()
      expect((await ask(schema)).errors).toBeUndefined()
      expect((await ask(each)).errors?.every(({ extensions }) => extensions?.code === 'NOT_FOUND')).toBe(true)
    }
  } finally {
    await defaults.close()
  }
})

test('a body that fits is read, a larger one is answered with 413', async () => {
  const padded = (bytes: number) => {
    const body = JSON.stringify({ query: '{ __typename }', variables: { padding: '' } })
    return body.replace('""', `"${'x'.repeat(bytes - body.length)}"`)
  }
  expect((await post(server.url, padded(10_000))).status).toBe(200)
  const refused = await post(server.url, padded(10_001))
  expect(refused.status).toBe(413)
  expect(((await refused.json()) as Reply).errors?.[0]).toMatchObject({
    message: 'Expected a body of at most 10000 bytes, but got more.',
    extensions: { code: 'BAD_USER_INPUT', hint: expect.stringContaining('MILLRACE_MAX_BODY_BYTES') as string },
  })
  expect((await post(server.url, padded(2_000_000))).status).toBe(413)
})

test('a WebSocket message that is too large closes the socket with 1009', async () => {
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  await new Promise(resolve => socket.once('open', resolve))
  const closed = new Promise<number>(resolve => socket.once('close', resolve))
  socket.send(JSON.stringify({ type: 'connection_init', payload: { padding: 'x'.repeat(20_000) } }))
  expect(await closed).toBe(1009)
})

test('a WebSocket with 50 operations under way gets no more of them until one has ended', async () => {
  const job = server.loans.migrate()
  const socket = new WebSocket(server.webSocketUrl, 'graphql-transport-ws')
  const refused = new Promise<Record<string, unknown>>(resolve => {
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString('utf8')) as Record<string, unknown>
      if (message.type === 'error') resolve(message)
    })
  })
  await new Promise(resolve => socket.once('open', resolve))
  socket.send(JSON.stringify({ type: 'connection_init' }))
  await new Promise(resolve => socket.once('message', resolve))
  const query = `subscription { jobProgress(id: "${job.id}") { state } }`
  for (let id = 1; id <= 51; id++)
    socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query } }))
  expect(await refused).toMatchObject({
    id: '51',
    payload: [
      { message: expect.stringContaining('at most 50 operations') as string, extensions: { code: 'BAD_USER_INPUT' } },
    ],
  })
  socket.close()
  server.loans.finishMigration()
  await server.jobs.finished(job.id)
})

test('batches are refused', async () => {
  const response = await post(server.url, [{ query: '{ __typename }' }, { query: '{ __typename }' }])
  expect(response.status).toBe(400)
  expect(((await response.json()) as Reply).errors?.[0]?.extensions).toMatchObject({
    code: 'BAD_USER_INPUT',
    hint: expect.stringContaining('one operation') as string,
  })
})

test('with introspection off, the schema is not told, neither by asking nor by suggestions', async () => {
  const closed = await startTestApp({ environment: { MILLRACE_INTROSPECTION: 'false' } })
  try {
    for (const ask of [closed.http, closed.webSocket]) {
      const refused = await ask('{ __schema { queryType { name } } }')
      expect(refused.errors?.[0]).toMatchObject({
        extensions: { code: 'BAD_USER_INPUT', hint: expect.stringContaining('MILLRACE_INTROSPECTION') as string },
      })
      const misspelt = await ask('{ averageLoans }')
      expect(misspelt.errors?.[0]?.message).toBe('Cannot query field "averageLoans" on type "Query".')
      expect((await ask('{ __typename }')).errors).toBeUndefined()
    }
  } finally {
    await closed.close()
  }
})
