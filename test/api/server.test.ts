import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { MillraceError } from '../../src/errors.ts'
import { collect, memorySource, memoryStorage, post, type Reply, startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
afterAll(() => server.close())

test('the process is alive at /healthz, whatever its systems do', async () => {
  const response = await fetch(`${server.url}/healthz`)
  expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
})

test('/readyz is 200 while every system answers, and names them', async () => {
  const response = await fetch(`${server.url}/readyz`)
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    status: 'ready',
    systems: [
      { role: 'SOURCE', kind: 'duckdb', url: 'duckdb:memory', reachable: true, detail: 'in memory' },
      { role: 'STORAGE', kind: 'directory', url: 'file:memory', reachable: true, detail: 'in memory' },
      { role: 'LOG', kind: 'sqlite', url: 'sqlite:memory', reachable: true, detail: 'in memory' },
      { role: 'ENGINE', kind: 'duckdb', url: 'duckdb:', reachable: true, detail: 'in memory' },
      { role: 'WAREHOUSE', kind: 'duckdb', url: 'duckdb:memory', reachable: true, detail: 'in memory' },
    ],
  })
})

test('/readyz is 503 with the reason where a system does not answer', async () => {
  const silent = memoryStorage({
    ping: () => Promise.reject(new MillraceError('UNAVAILABLE', 'No answer from boss:9870.')),
  })
  const broken = await startTestApp({ parts: { storage: silent } })
  try {
    const response = await fetch(`${broken.url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({
      status: 'not ready',
      systems: [
        { reachable: true },
        { reachable: false, detail: 'No answer from boss:9870.' },
        { role: 'LOG' },
        { role: 'ENGINE' },
        { role: 'WAREHOUSE' },
      ],
    })
  } finally {
    await broken.close()
  }
})

test('anything else is 404 in JSON', async () => {
  const response = await fetch(`${server.url}/nope`)
  expect(response.status).toBe(404)
  expect((await response.json()) as Reply).toEqual({
    errors: [
      {
        message: 'There is nothing at "/nope".',
        extensions: { code: 'BAD_USER_INPUT', hint: 'GraphQL is at /graphql.' },
      },
    ],
  })
})

test.each([
  ['another method', { method: 'PUT' }, 405, /POST or GET, but got PUT/],
  [
    'another content type',
    { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' },
    415,
    /application\/json, but got "text\/plain"/,
  ],
  [
    'a body that is no JSON',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' },
    400,
    /body of JSON/,
  ],
  [
    'a body without a query',
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' },
    400,
    /query/,
  ],
  ['a GET that a page of another site could send', { method: 'GET' }, 400, /CSRF/],
])('%s is refused with code, message and hint', async (_, options, status, message) => {
  const response = await fetch(`${server.url}/graphql?query={__typename}`, options)
  expect(response.status).toBe(status)
  const { errors } = (await response.json()) as Reply
  expect(errors?.[0]?.message).toMatch(message)
  expect(errors?.[0]?.extensions).toEqual({ code: 'BAD_USER_INPUT', hint: expect.stringMatching(/\w/) as string })
  expect(response.headers.get('access-control-allow-origin')).toBeNull()
})

test('a query may come by GET from a program that says what it is', async () => {
  const get = (query: string) =>
    fetch(`${server.url}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { 'apollo-require-preflight': 'true' },
    })
  expect(await (await get('{ __typename }')).json()).toEqual({ data: { __typename: 'Query' } })
  expect((await get('mutation { migrateLoans { id } }')).status).toBe(405)
})

test('an answer says its length, and that nobody may keep it', async () => {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"query":"{ __typename }"}',
  })
  expect(response.headers.get('cache-control')).toBe('no-store')
  const length = Number(response.headers.get('content-length'))
  expect(length).toBe((await response.arrayBuffer()).byteLength)
})

test('an execution error is an answer: HTTP 200', async () => {
  const response = await post(server.url, { query: '{ averageLoan(countyCode: 55003) { loans } }' })
  expect(response.status).toBe(200)
})

test('requests for another host name, or from a page of another site, are refused', async () => {
  expect(await statusFor({ host: 'rebound.example.com' })).toBe(403)
  expect(await statusFor({ origin: 'http://evil.example.com' })).toBe(403)
  expect(await statusFor({ origin: 'null' })).toBe(403)
  expect(await statusFor({ origin: server.url })).toBe(200)
  expect(await statusFor({ host: `localhost:${new URL(server.url).port}` })).toBe(200)
})

test('a WebSocket from a page of another site, or to another path, is refused', async () => {
  expect(await upgradeStatus(server.webSocketUrl, 'http://evil.example.com')).toBe(403)
  expect(await upgradeStatus(server.webSocketUrl.replace('/graphql', '/other'))).toBe(404)
  expect(await upgradeStatus(server.webSocketUrl, server.url)).toBe('open')
})

test('a browser at /graphql gets GraphiQL, everything from our own origin', async () => {
  const accept = { accept: 'text/html,application/xhtml+xml' }
  const page = await fetch(`${server.url}/graphql`, { headers: accept })
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
  const links = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!)
  expect(links.filter(link => link.startsWith('/'))).toHaveLength(4)
  expect(links.filter(link => !link.startsWith('/'))).toEqual(['data:,'])
  for (const link of links.filter(link => link.startsWith('/')))
    expect((await fetch(server.url + link)).status).toBe(200)
  expect((await fetch(`${server.url}/graphiql/ruru/nope.js`)).status).toBe(404)
  expect((await fetch(`${server.url}/`, { redirect: 'manual' })).headers.get('location')).toBe('/graphql')
})

test('without GraphiQL a browser gets an error in JSON', async () => {
  const plain = await startTestApp({ environment: { MILLRACE_GRAPHIQL: 'false' } })
  try {
    const response = await fetch(`${plain.url}/graphql`, { headers: { accept: 'text/html' } })
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8'])
    expect((await fetch(`${plain.url}/graphiql/ruru/ruru.js`)).status).toBe(404)
  } finally {
    await plain.close()
  }
})

test('a stop answers those who wait for a job, ends subscriptions, and takes nothing new', async () => {
  const stopped = await startTestApp()
  const waiting = stopped.http('mutation { migrateLoans { state message } }')
  await expect.poll(() => stopped.jobs.list({ state: 'RUNNING', first: 1 }), { interval: 5 }).toHaveLength(1)
  const { id } = stopped.jobs.list({ first: 1 })[0]!
  const following = Promise.withResolvers<void>()
  const query = `subscription { jobProgress(id: "${id}") { state } }`
  const followed = collect(stopped.webSocketUrl, query, () => following.resolve())
  await following.promise
  await stopped.close()
  expect((await waiting).data?.migrateLoans).toMatchObject({ state: 'CANCELLED' })
  expect((await followed).at(-1)?.data).toEqual({ jobProgress: { state: 'CANCELLED' } })
  await expect(fetch(`${stopped.url}/healthz`)).rejects.toThrow()
})

test('the data directory tells where the server is while it runs, and lets no second one in', async () => {
  const file = join(server.dataDir, 'server.json')
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ url: server.url, pid: process.pid })
  const second = createApp(readConfig({ MILLRACE_DATA_DIR: server.dataDir, MILLRACE_LOG_LEVEL: 'silent' }))
  await expect(second).rejects.toMatchObject({
    code: 'CONFLICT',
    message: expect.stringContaining(server.url) as string,
    hint: expect.stringContaining(`--url ${server.url}`) as string,
  })

  const other = await startTestApp()
  await other.app.close()
  expect(existsSync(join(other.dataDir, 'server.json'))).toBe(false)
  const again = await createApp(readConfig({ MILLRACE_DATA_DIR: other.dataDir, MILLRACE_LOG_LEVEL: 'silent' }))
  await again.close()
  await other.close()
})

test('a port that is taken is said so', async () => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  try {
    await expect(startTestApp({ environment: { MILLRACE_PORT: String(port) } })).rejects.toMatchObject({
      code: 'CONFLICT',
      message: `Expected port ${port} of 127.0.0.1 to be free, but another program listens there.`,
      hint: expect.stringContaining('MILLRACE_PORT') as string,
    })
  } finally {
    taken.close()
  }
})

test('a system that hangs is unreachable after two seconds', async () => {
  const hanging = await startTestApp({ parts: { source: memorySource({ ping: () => new Promise<never>(() => {}) }) } })
  try {
    const { data } = await hanging.http('{ systems { role reachable detail } }')
    expect(data?.systems).toEqual([
      { role: 'SOURCE', reachable: false, detail: 'No answer within 2 seconds.' },
      { role: 'STORAGE', reachable: true, detail: 'in memory' },
      { role: 'LOG', reachable: true, detail: 'in memory' },
      { role: 'ENGINE', reachable: true, detail: 'in memory' },
      { role: 'WAREHOUSE', reachable: true, detail: 'in memory' },
    ])
  } finally {
    await hanging.close()
  }
})

/** fetch() does not let anyone choose these headers. */
function statusFor(headers: Record<string, string>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(`${server.url}/healthz`, { headers }, response => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

function upgradeStatus(url: string, origin?: string): Promise<number | 'open' | undefined> {
  const socket = new WebSocket(url, 'graphql-transport-ws', origin === undefined ? {} : { origin })
  return new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.close()
      resolve('open')
    })
    socket.on('unexpected-response', (_, response) => {
      response.resume()
      resolve(response.statusCode)
    })
    socket.on('error', reject)
  })
}
