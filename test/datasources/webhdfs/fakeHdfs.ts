import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { WebHdfsSettings } from '../../../src/datasources/webhdfs/settings.ts'

/** An HTTP server that stands in for a NameNode or a DataNode where the real one cannot be made to do what a test needs. */
export interface FakeNode {
  /** "127.0.0.1:port" */
  address: string
  /** "METHOD op /path?query" of what came, in order. */
  requests: Received[]
  close(): Promise<void>
}

export interface Received {
  method: string
  op: string
  /** Decoded, without the prefix. */
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
}

export type Handler = (received: Received, response: ServerResponse, request: IncomingMessage) => void

export async function serveFake(handle: Handler): Promise<FakeNode> {
  const requests: Received[] = []
  const sockets = new Set<Socket>()
  const server = createServer()
  const take = (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://fake')
    const received: Received = {
      method: request.method ?? '',
      op: url.searchParams.get('op') ?? url.pathname,
      path: decodeURIComponent(url.pathname.replace(/^\/webhdfs\/v1/, '')),
      query: url.searchParams,
      headers: request.headers,
    }
    requests.push(received)
    handle(received, response, request)
  }
  server.on('request', take)
  // A DataNode says "100 Continue" when it is ready: the handler decides.
  server.on('checkContinue', take)
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Says nothing, ever. */
export const silence: Handler = () => {}

export function answerJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

export function answerException(response: ServerResponse, exception: string, message: string, status = 403): void {
  answerJson(
    response,
    { RemoteException: { exception, message, javaClassName: `org.apache.hadoop.${exception}` } },
    status,
  )
}

/** Redirects to a DataNode as a NameNode does. */
export function redirect(response: ServerResponse, { path, query }: Received, address: string): void {
  response.writeHead(307, { location: `http://${address}/webhdfs/v1${encodeURI(path)}?${query.toString()}` }).end()
}

/** The transfer address by which a fake DataNode is excluded; nothing listens on its port. */
export function transferAddress(address: string): string {
  const port = Number(address.split(':')[1])
  return `10.0.${port >> 8}.${port & 255}:1`
}

export function statusOf(length: number, changes: object = {}) {
  const status = {
    pathSuffix: '',
    type: 'FILE',
    length,
    modificationTime: 1,
    fileId: 7,
    replication: 2,
    blockSize: 1 << 20,
  }
  return { FileStatus: { ...status, ...changes } }
}

/** Answers /jmx and /conf like a NameNode with these DataNodes, and leaves the rest to `handle`. */
export function nameNodeOf(dataNodes: () => string[], handle: Handler): Handler {
  return (received, response, request) => {
    if (received.op === '/conf') return answerJson(response, { property: { value: '30000' } })
    if (received.op !== '/jmx') return handle(received, response, request)
    const node = (address: string) => [
      `data-node:${address.split(':')[1]}`,
      {
        infoAddr: address,
        xferaddr: transferAddress(address),
        lastContact: 1,
        adminState: 'In Service',
        usedSpace: 1,
        capacity: 2,
      },
    ]
    const LiveNodes = JSON.stringify(Object.fromEntries(dataNodes().map(node)))
    answerJson(response, { beans: [{ SoftwareVersion: '3.4.2', Safemode: '', LiveNodes, DeadNodes: '{}' }] })
  }
}

/** Deadlines short enough for a test to wait for, and in the same order as the real ones; no second OPEN beside a slow one. */
export const SHORT: Partial<WebHdfsSettings> = {
  connectMillis: 300,
  nameNodeAnswerMillis: 150,
  probeAfterMillis: 40,
  probeMillis: 120,
  dataNodeIdleMillis: 300,
  bodyIdleMillis: 150,
  opensAtOnce: 1,
  writeIdleMillis: 300,
  writeReplyMillis: 300,
}
