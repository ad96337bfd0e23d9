import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { freePort } from './ports.ts'
import { type Passage, passOn } from './proxyPassage.ts'

/** What happens to bytes on their way in one direction; the faults may be combined. */
export interface Fault {
  /** From the arrival of bytes to their passing on. */
  latencyMillis?: number
  /** Of one connection. */
  bytesPerSecond?: number
  /** Bytes are passed on in pieces of at most so many, each in a packet of its own. */
  sliceBytes?: number
  /** From the end of what one side says to the other's hearing of it. */
  closeDelayMillis?: number
  /**
   * What becomes of a connection that would pass on more bytes than these, counted from the fault's beginning: `reset` breaks it, `end` closes it as if
   * all had been said, `silence` leaves it open, with nothing passing any more.
   */
  limit?: { bytes: number; outcome: 'reset' | 'end' | 'silence' }
}

export type Direction = 'toServer' | 'toClient'
export type Faults = Partial<Record<Direction, Fault>>

/** Since the proxy was opened. */
export interface ProxyCounts {
  /** Connections taken, those of them that are open now, and those refused because there were too many. */
  connections: number
  open: number
  tooMany: number
  /** Passed on, by direction. */
  bytes: Record<Direction, number>
}

/**
 * A TCP proxy in front of a server that others may go on using, to make the way to it worse while a test runs. What it cannot do: the network below TCP
 * (a lost packet, a host that answers no SYN). A server that is gone looks like one that breaks every connection; refuse() makes it look gone.
 */
export interface TcpProxy {
  /** To use in the place of the server's: "127.0.0.1:40123". */
  readonly address: string
  /** Replaces all faults, of connections that stand and of those to come; a limit counts anew. */
  disturb(faults: Faults): void
  /** Breaks every connection that stands. */
  reset(): void
  /** Breaks what is connected, and refuses what comes. */
  refuse(): Promise<void>
  /** Takes connections again. */
  accept(): Promise<void>
  counts(): ProxyCounts
  close(): Promise<void>
}

export interface ProxyOptions {
  /** "host:port" of the server. */
  target: string
  /** "host:port" to listen on; any free port of 127.0.0.1 where left out. */
  listen?: string
  /** Further connections are broken at once. */
  maxConnections?: number
}

const MAX_CONNECTIONS = 1_000

export async function openTcpProxy(options: ProxyOptions): Promise<TcpProxy> {
  const target = parseAddress(options.target)
  const wanted = parseAddress(options.listen ?? `127.0.0.1:${await freePort('127.0.0.1')}`)
  const maxConnections = options.maxConnections ?? MAX_CONNECTIONS
  const sockets = new Set<Socket>()
  const passages = new Set<Passage>()
  const counts = { connections: 0, tooMany: 0, bytes: { toServer: 0, toClient: 0 } }
  let faults: Faults = {}
  let open = 0
  let server = await listen()

  async function listen(): Promise<Server> {
    const listening = createServer({ allowHalfOpen: true, noDelay: true }, take).listen(wanted)
    await once(listening, 'listening')
    return listening
  }

  function take(client: Socket): void {
    if (open >= maxConnections) {
      counts.tooMany += 1
      client.on('error', () => {}).resetAndDestroy()
      return
    }
    counts.connections += 1
    open += 1
    client.once('close', () => {
      open -= 1
    })
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true })
    join(client, upstream, 'toServer')
    join(upstream, client, 'toClient')
  }

  function join(from: Socket, to: Socket, direction: Direction): void {
    const passage = passOn(from, to, {
      fault: () => faults[direction] ?? {},
      passed(bytes) {
        counts.bytes[direction] += bytes
      },
    })
    sockets.add(from)
    passages.add(passage)
    void passage.over.then(() => passages.delete(passage))
    from.on('error', () => {}) // 'close' follows, and says so
    from.on('close', broken => {
      sockets.delete(from)
      if (!broken && from.readableEnded) return // what it said last may still be on its way
      passage.stop()
      if (broken) to.resetAndDestroy()
      else if (!to.writableEnded) to.destroy()
    })
  }

  function reset(): void {
    for (const socket of sockets) socket.resetAndDestroy()
  }

  async function refuse(): Promise<void> {
    if (!server.listening) return
    server.close()
    reset()
    await once(server, 'close')
  }

  return {
    address: `${wanted.host}:${wanted.port}`,
    disturb(changed) {
      faults = changed
      for (const passage of passages) passage.faultChanged()
    },
    reset,
    refuse,
    async accept() {
      if (!server.listening) server = await listen()
    },
    counts: () => ({ ...counts, open, bytes: { ...counts.bytes } }),
    close: refuse,
  }
}

function parseAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}
