import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to PostgreSQL on which somebody stands when a publication commits. */
export interface CommitProxy {
  port: number
  close(): void
}

export interface CommitWatch {
  /** The client has sent COMMIT, and it is not passed on yet. */
  committing?: () => Promise<void> | void
  /** The server has answered, and the client does not know yet: false keeps it from knowing, and breaks the connection. */
  committed?: () => Promise<boolean> | boolean
}

/** Commits are those that write the load log. All that is said passes in its order. */
export async function openCommitProxy(
  { host, port }: { host: string; port: number },
  watch: CommitWatch,
): Promise<CommitProxy> {
  const server = createServer(client => {
    const upstream = connect(port, host)
    let logged = false
    let committing = false
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    passOn(client, upstream, end, async text => {
      logged ||= text.includes('INSERT INTO millrace.loads')
      if (!logged || !text.includes('COMMIT')) return true
      logged = false
      committing = true
      await watch.committing?.()
      return true
    })
    passOn(upstream, client, end, async () => {
      if (!committing) return true
      committing = false
      return (await watch.committed?.()) ?? true
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

/** Each piece when the one before it has passed, and `mayPass` says so of it. */
function passOn(from: Socket, to: Socket, end: () => void, mayPass: (text: string) => Promise<boolean>): void {
  let before: Promise<void> = Promise.resolve()
  from.on('data', (chunk: Buffer) => {
    before = before.then(async () => {
      if (await mayPass(chunk.toString('latin1'))) to.write(chunk)
      else end()
    })
  })
  from.on('close', () => void before.then(end)).on('error', () => {})
}
