import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { folderInbox } from '../../src/datasources/folderInbox.ts'
import { httpInbox } from '../../src/datasources/httpInbox.ts'
import { INBOX_FILES, testInbox } from '../contract/inbox.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-inbox-'))
  for (const [path, bytes] of Object.entries(INBOX_FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), bytes)
  }
})
afterAll(() => rm(folder, { recursive: true }))

const servers: Server[] = []
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections()
})

/** "http://127.0.0.1:<port>" */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

testInbox('a folder', async () => folderInbox({ folder }))

testInbox('a web server', async () => {
  const url = await serve((request, response) => {
    const bytes = INBOX_FILES[decodeURIComponent(request.url!).replace('/drop/', '')]
    if (!bytes) response.writeHead(404).end('nothing here')
    else response.writeHead(200, { 'content-length': bytes.length }).end(request.method === 'HEAD' ? undefined : bytes)
  })
  return httpInbox({ url: `${url}/drop` })
})

test('a folder in the place of a file is no file', async () => {
  await expect(folderInbox({ folder }).stat('dt=2026-11-20')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
})

describe('a web server', () => {
  const inboxes: { close(): Promise<void> }[] = []
  afterEach(() => Promise.all(inboxes.splice(0).map(inbox => inbox.close())))

  async function inboxOf(answer: RequestListener, credentials = '') {
    const url = await serve(answer)
    const inbox = httpInbox({
      url: url.replace('//', `//${credentials}`),
      deadlines: { connectMillis: 500, headMillis: 500, silenceMillis: 500 },
    })
    inboxes.push(inbox)
    return inbox
  }
  async function readAll(inbox: { read(path: string): AsyncIterable<Uint8Array> }): Promise<void> {
    for await (const _ of inbox.read('data.csv'));
  }

  test('gets the credentials of the URL, which are shown nowhere', async () => {
    const seen: (string | undefined)[] = []
    const inbox = await inboxOf((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(401).end()
    }, 'ann:secret%40canary@')
    const error = await readAll(inbox).catch((thrown: unknown) => thrown)
    expect(seen).toEqual([`Basic ${Buffer.from('ann:secret@canary').toString('base64')}`])
    expect(error).toMatchObject({ code: 'FORBIDDEN', hint: expect.any(String) })
    expect(`${inbox.url} ${String(error)}`).not.toMatch(/canary|ann/)
  })

  test.each([
    ['does not answer', () => {}],
    ['falls silent in the middle', (_, response) => void response.writeHead(200, { 'content-length': 9 }).write('abc')],
    [
      'ends before the announced length',
      (_, response) => {
        response.writeHead(200, { 'content-length': 9 }).write('abc')
        setImmediate(() => response.destroy())
      },
    ],
    ['sends us elsewhere', (_, response) => void response.writeHead(302, { location: '/other' }).end()],
    ['has a fault', (_, response) => void response.writeHead(500).end()],
  ] satisfies [string, RequestListener][])('that %s is UNAVAILABLE, soon', async (_, answer) => {
    await expect(readAll(await inboxOf(answer))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('data.csv'),
    })
  })
})
