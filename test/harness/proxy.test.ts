import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Faults, openTcpProxy, type TcpProxy } from '../../harness/proxy.ts'
import { waitUntil } from '../../harness/wait.ts'

const MIB = 1 << 20
const BYTES = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251))

let server: Server
/** What the server was sent, a promise a connection. */
let received: Promise<Buffer>[]
let served: Socket[]
let proxy: TcpProxy
let clients: Socket[]

/** Sends BYTES to everyone, and ends when the client has ended. */
beforeEach(async () => {
  received = []
  served = []
  clients = []
  server = createServer({ allowHalfOpen: true }, socket => {
    served.push(socket)
    socket.on('error', () => {})
    received.push(buffer(socket).catch(() => Buffer.alloc(0)))
    socket.write(BYTES)
    socket.on('end', () => socket.end())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await openTcpProxy({ target: `127.0.0.1:${(server.address() as AddressInfo).port}` })
})
afterEach(async () => {
  for (const client of clients) client.destroy()
  await proxy.close()
  for (const socket of served) socket.destroy()
  server.close()
})

function connectClient(): Socket {
  const [host, port] = proxy.address.split(':')
  const client = connect({ host: host!, port: Number(port), allowHalfOpen: true })
  client.on('error', () => {})
  clients.push(client)
  return client
}

/** Sends BYTES, and takes what comes. */
async function exchange(client = connectClient()): Promise<Buffer> {
  client.end(BYTES)
  return await buffer(client)
}

function disturb(faults: Faults): void {
  proxy.disturb(faults)
}

async function untilPassed(direction: 'toServer' | 'toClient', bytes: number): Promise<void> {
  const description = `${bytes} bytes ${direction}`
  await waitUntil({ description, timeoutMillis: 10_000, pollMillis: 2 }, () => proxy.counts().bytes[direction] >= bytes)
}

describe('a proxy passes on every byte in order, and the end after the last', () => {
  const harmless: [string, Faults][] = [
    ['without a fault', {}],
    ['with latency', { toServer: { latencyMillis: 20 }, toClient: { latencyMillis: 20 } }],
    ['with cut bandwidth', { toServer: { bytesPerSecond: 2 * MIB }, toClient: { bytesPerSecond: 2 * MIB } }],
    ['with sliced packets', { toServer: { sliceBytes: 997 }, toClient: { sliceBytes: 997 } }],
    ['with a slow close', { toServer: { closeDelayMillis: 30 }, toClient: { closeDelayMillis: 30 } }],
    ['with a limit that is not passed', { toClient: { limit: { bytes: BYTES.length, outcome: 'reset' } } }],
  ]
  test.each(harmless)('%s', async (_, faults) => {
    disturb(faults)
    expect(BYTES.equals(await exchange())).toBe(true)
    expect(BYTES.equals(await received[0]!)).toBe(true)
    await waitUntil({ description: 'no open connection', timeoutMillis: 5_000 }, () => proxy.counts().open === 0)
    expect(proxy.counts()).toEqual({
      connections: 1,
      open: 0,
      tooMany: 0,
      bytes: { toServer: BYTES.length, toClient: BYTES.length },
    })
  })
})

test('latency delays each byte once, not each piece after the other', async () => {
  disturb({ toClient: { latencyMillis: 200, sliceBytes: 30_000 } })
  const startedAt = performance.now()
  await exchange()
  const tookMillis = performance.now() - startedAt
  expect(tookMillis).toBeGreaterThan(195)
  expect(tookMillis).toBeLessThan(10 * 200)
})

test('cut bandwidth takes the time that the bytes need', async () => {
  disturb({ toClient: { bytesPerSecond: 1_000_000 } })
  const startedAt = performance.now()
  await exchange()
  expect(performance.now() - startedAt).toBeGreaterThan(200)
})

test('a slow close holds back the end, and nothing else', async () => {
  disturb({ toClient: { closeDelayMillis: 300 } })
  const client = connectClient()
  let last = 0
  client.on('data', () => {
    last = performance.now()
  })
  client.end()
  await once(client, 'end')
  expect(performance.now() - last).toBeGreaterThan(250)
})

test('sliced packets arrive in small pieces', async () => {
  disturb({ toClient: { sliceBytes: 100 } })
  const client = connectClient()
  const [first] = (await once(client, 'data')) as [Buffer]
  expect(first.length).toBeLessThan(BYTES.length)
  expect(first.length % 100).toBe(0)
})

test('silence passes nothing and closes nothing, until the fault is lifted', async () => {
  disturb({ toClient: { limit: { bytes: 1000, outcome: 'silence' } } })
  const exchanged = exchange()
  await untilPassed('toServer', BYTES.length)
  await untilPassed('toClient', 1000)
  expect(proxy.counts()).toMatchObject({ open: 1, bytes: { toClient: 1000 } })
  disturb({})
  expect(BYTES.equals(await exchanged)).toBe(true)
})

test('after its limit a connection is reset, on both sides', async () => {
  disturb({ toClient: { limit: { bytes: 1000, outcome: 'reset' } } })
  await expect(exchange()).rejects.toMatchObject({ code: 'ECONNRESET' })
  await waitUntil({ description: 'the server side to close', timeoutMillis: 5_000 }, () => served[0]!.destroyed)
  expect(proxy.counts()).toMatchObject({ open: 0, bytes: { toClient: 1000 } })
})

test('after its limit a connection ends, and what came before the limit has arrived', async () => {
  disturb({ toClient: { limit: { bytes: 200_000, outcome: 'end' } } })
  const arrived = await exchange()
  expect(arrived.equals(BYTES.subarray(0, 200_000))).toBe(true)
})

test('a limit of the other direction leaves this one be', async () => {
  disturb({ toServer: { limit: { bytes: 10, outcome: 'silence' } } })
  const client = connectClient()
  client.write(BYTES)
  let bytes = 0
  client.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  await untilPassed('toClient', BYTES.length)
  await waitUntil({ description: 'all to arrive', timeoutMillis: 5_000 }, () => bytes === BYTES.length)
  expect(proxy.counts().bytes.toServer).toBe(10)
})

test('faults are switched under connections that stand, and a limit counts from then', async () => {
  const client = connectClient()
  client.resume()
  await untilPassed('toClient', BYTES.length)
  disturb({ toServer: { limit: { bytes: 5, outcome: 'reset' } } })
  client.write('12345')
  await untilPassed('toServer', 5)
  expect(proxy.counts().open).toBe(1)
  client.write('6')
  await closeOf(client)
})

test('reset breaks what is connected, and the next connection stands', async () => {
  const client = connectClient()
  client.resume()
  await untilPassed('toClient', BYTES.length)
  proxy.reset()
  await closeOf(client)
  expect(BYTES.equals(await exchange())).toBe(true)
})

test('a proxy that refuses looks like a server that is gone, and takes connections again on the same address', async () => {
  const { address } = proxy
  await proxy.refuse()
  const [error] = (await once(connectClient(), 'error')) as [NodeJS.ErrnoException]
  expect(error.code).toBe('ECONNREFUSED')
  await proxy.accept()
  expect(proxy.address).toBe(address)
  expect(BYTES.equals(await exchange())).toBe(true)
})

test('a server that is gone breaks the connection', async () => {
  for (const socket of served) socket.destroy()
  await new Promise(resolve => server.close(resolve))
  await expect(exchange()).rejects.toMatchObject({ code: 'ECONNRESET' })
})

test('a reader that does not read pauses the sender: the proxy holds a megabyte, not all', async () => {
  const client = connectClient()
  const sender = await waitForServed()
  let sent = 0
  const write = () => {
    while (sent < 64 * MIB) {
      sent += MIB
      if (!sender.write(Buffer.alloc(MIB))) return void sender.once('drain', write)
    }
  }
  client.pause()
  disturb({ toClient: { limit: { bytes: 0, outcome: 'silence' } } })
  write()
  const settled = async () => {
    const before = sent
    await new Promise(resolve => setImmediate(resolve))
    return sent === before && sender.writableNeedDrain
  }
  await waitUntil({ description: 'the sender to be paused', timeoutMillis: 10_000 }, settled)
  expect(sent).toBeLessThan(32 * MIB)
})

test('connections beyond the bound are broken, and counted', async () => {
  await proxy.close()
  proxy = await openTcpProxy({
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    maxConnections: 1,
  })
  const first = connectClient()
  first.resume()
  await untilPassed('toClient', BYTES.length)
  await expect(exchange()).rejects.toMatchObject({ code: 'ECONNRESET' })
  expect(proxy.counts()).toMatchObject({ connections: 1, open: 1, tooMany: 1 })
})

async function waitForServed(): Promise<Socket> {
  await waitUntil({ description: 'a connection', timeoutMillis: 5_000, pollMillis: 2 }, () => served.length > 0)
  return served[0]!
}

/** events.once would reject with the error before it. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise(resolve => void socket.once('close', () => resolve()))
}
