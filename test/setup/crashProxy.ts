import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A server that others go on using, behind an address that can be made to refuse. */
export interface CrashProxy {
  /** Of this proxy, to use in the place of the server's: "127.0.0.1:40123". */
  address: string
  /** Breaks what is connected and refuses what comes. */
  cut(): Promise<void>
  restore(): Promise<void>
  close(): Promise<void>
}

/** @param target "host:port". */
export async function openCrashProxy(target: string): Promise<CrashProxy> {
  const { hostname, port } = new URL(`tcp://${target}`)
  const sockets = new Set<Socket>()
  let server = await listen(0)
  const ownPort = (server.address() as AddressInfo).port

  async function listen(at: number): Promise<Server> {
    const listening = createServer(client => {
      const upstream = connect(Number(port), hostname)
      for (const [socket, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        sockets.add(socket)
        socket.on('error', () => other.destroy())
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
        socket.pipe(other)
      }
    }).listen(at, '127.0.0.1')
    await once(listening, 'listening')
    return listening
  }

  async function cut(): Promise<void> {
    if (!server.listening) return
    server.close()
    for (const socket of sockets) socket.destroy()
    await once(server, 'close')
  }

  return {
    address: `127.0.0.1:${ownPort}`,
    cut,
    async restore() {
      server = await listen(ownPort)
    },
    close: cut,
  }
}
