import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { GraphQLError } from 'graphql'
import { afterEach, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client/client.ts'
import { AverageLoanDocument, JobProgressDocument, MigrateLoansDocument } from '../../src/client/generated/graphql.ts'
import { type Answers, listenTinyServer } from './tinyServer.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function clientOf(...parameters: Parameters<typeof listenTinyServer>) {
  const server = await listenTinyServer(...parameters)
  closing.push(() => server.close())
  return { server, client: clientFor(server.url) }
}

function clientFor(url: string): Client {
  const client = createClient(url)
  closing.push(() => client.close())
  return client
}

/** Where a server was and is no more. */
async function urlOfNobody(): Promise<string> {
  const server = await listenTinyServer({})
  await server.close()
  return server.url
}

const dane = {
  countyCode: 55025,
  averageLoan: 222_222,
  loans: 54_854,
  source: 'CREATE',
  cost: { elapsedMillis: 12.5, bytesRead: 2 ** 40, storageRequests: 3 },
}

const failing: Answers = {
  averageLoan: () => {
    throw new GraphQLError('No migrated loan has county 55999.', {
      extensions: { code: 'NOT_FOUND', hint: 'Ask counties.' },
    })
  },
}

const jobAt = (done: number, state = 'RUNNING') => ({
  jobProgress: {
    id: 'a',
    kind: 'MIGRATE_LOANS',
    state,
    progress: { done, total: 10, unit: 'rows', bytes: 0, etaSeconds: null },
    createdAt: '2026-11-21T00:00:00.000Z',
  },
})

describe('a request', () => {
  it('gives typed data', async () => {
    const { client } = await clientOf({ averageLoan: () => dane })
    const { averageLoan } = await client.request(AverageLoanDocument, { countyCode: 55025 })
    expect(averageLoan).toEqual(dane)
  })

  it('throws the error of the server as it was: code, message and hint', async () => {
    const { client } = await clientOf(failing)
    await expect(client.request(AverageLoanDocument, { countyCode: 55999 })).rejects.toMatchObject({
      name: 'MillraceError',
      code: 'NOT_FOUND',
      message: 'No migrated loan has county 55999.',
      hint: 'Ask counties.',
    })
  })

  it('takes the URL with or without /graphql, and refuses what is none', async () => {
    const { server } = await clientOf({ averageLoan: () => dane })
    for (const url of [`${server.url}/graphql`, `${server.url}/`]) {
      const { averageLoan } = await clientFor(url).request(AverageLoanDocument, { countyCode: 55025 })
      expect(averageLoan?.loans).toBe(54_854)
    }
    for (const url of ['', 'localhost:4000', 'ftp://localhost']) {
      expect(() => createClient(url)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }))
    }
  })

  it('to nobody is UNAVAILABLE and says how to start a server', async () => {
    const client = clientFor(await urlOfNobody())
    await expect(client.request(AverageLoanDocument, { countyCode: 55025 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^No Millrace server answers at http:\/\/127.0.0.1:\d+: connect ECONNREFUSED/),
      hint: expect.stringContaining('millrace serve'),
    })
  })

  it('to some other program is UNAVAILABLE and shows what it answered', async () => {
    const { client, server } = await clientOf({}, (_, reply) => {
      reply.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not here</h1>')
    })
    await expect(client.request(AverageLoanDocument, { countyCode: 55025 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `${server.url}/graphql answered 404 with text/html, not with a GraphQL reply.`,
    })
  })

  it('that waits ends by its signal, with its reason', async () => {
    const waiting = Promise.withResolvers<void>()
    const { client } = await clientOf({}, () => waiting.resolve())
    const controller = new AbortController()
    const reply = client.request(MigrateLoansDocument, { wait: true }, { signal: controller.signal })
    await waiting.promise
    controller.abort(new Error('enough'))
    await expect(reply).rejects.toThrow('enough')
  })
})

describe('a subscription', () => {
  it('gives each value and ends with the server', async () => {
    const { client } = await clientOf({
      async *jobProgress() {
        yield jobAt(1)
        yield jobAt(10, 'SUCCEEDED')
      },
    })
    const seen: string[] = []
    for await (const { jobProgress } of client.subscribe(JobProgressDocument, { id: 'a' })) {
      seen.push(`${jobProgress.state} ${jobProgress.progress.done}`)
    }
    expect(seen).toEqual(['RUNNING 1', 'SUCCEEDED 10'])
  })

  it('that is refused throws the error of the server', async () => {
    const { client } = await clientOf({
      jobProgress: () => {
        throw new GraphQLError('No job has the id "a".', { extensions: { code: 'NOT_FOUND', hint: 'Ask jobs.' } })
      },
    })
    await expect(client.subscribe(JobProgressDocument, { id: 'a' }).next()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'No job has the id "a".',
      hint: 'Ask jobs.',
    })
  })

  it('goes on over a connection that breaks', async () => {
    let subscriptions = 0
    const { client, server } = await clientOf({
      async *jobProgress() {
        subscriptions++
        yield jobAt(subscriptions)
        if (subscriptions === 1) await new Promise(() => {})
      },
    })
    const seen: number[] = []
    for await (const { jobProgress } of client.subscribe(JobProgressDocument, { id: 'a' })) {
      seen.push(jobProgress.progress.done)
      if (seen.length === 1) for (const socket of server.sockets) socket.terminate()
    }
    expect(seen).toEqual([1, 2])
  })

  it('ends by its signal, with its reason, and frees the subscription on the server', async () => {
    const freed = Promise.withResolvers<void>()
    const { client } = await clientOf({
      jobProgress: () => {
        const values = [jobAt(1)]
        return {
          next: () => (values.length > 0 ? Promise.resolve({ value: values.pop(), done: false }) : freed.promise),
          return: async () => {
            freed.resolve()
            return { value: undefined, done: true }
          },
          [Symbol.asyncIterator]() {
            return this
          },
        }
      },
    })
    const controller = new AbortController()
    const values = client.subscribe(JobProgressDocument, { id: 'a' }, { signal: controller.signal })
    await values.next()
    const next = values.next()
    controller.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    await freed.promise
  })

  it('to nobody is UNAVAILABLE', async () => {
    const client = clientFor(await urlOfNobody())
    await expect(client.subscribe(JobProgressDocument, { id: 'a' }).next()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^No Millrace server answers at http:\/\/127.0.0.1:\d+: connect ECONNREFUSED/),
    })
  })

  it('to a server that accepts and stays silent is UNAVAILABLE after the connect deadline', {
    timeout: 60_000,
  }, async () => {
    const silent = createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const held: Socket[] = []
    silent.on('connection', socket => held.push(socket))
    closing.push(async () => {
      for (const socket of held) socket.destroy()
      silent.close()
    })
    const client = clientFor(`http://127.0.0.1:${(silent.address() as AddressInfo).port}`)
    await expect(client.subscribe(JobProgressDocument, { id: 'a' }).next()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('handshake has timed out'),
    })
  })
})
