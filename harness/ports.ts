import { createServer, type ListenOptions, type Server } from 'node:net'

/**
 * Below the ports that the kernel gives to outgoing connections (32768 and up on Linux): a daemon that is down for a
 * while finds its port still free when it comes back.
 */
const FIRST_PORT = 15_000
const LAST_PORT = 32_000

/**
 * A TCP port that nobody listens on now, on any of the hosts. No other process gets it from here before this one has ended:
 * not while nothing listens on it yet, nor while the daemon that has it is down.
 */
export async function freePort(...hosts: string[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))
    if (!(await reserve(port))) continue
    const free = await Promise.all([...new Set(hosts)].map(host => isFree(host, port)))
    if (free.every(Boolean)) return port
  }
  throw new Error(`found no free port of ${hosts.join(' and ')} between ${FIRST_PORT} and ${LAST_PORT} in 100 tries`)
}

export async function isFree(host: string, port: number): Promise<boolean> {
  const server = await tryListen({ host, port, exclusive: true })
  if (!server) return false
  await new Promise(resolve => server.close(resolve))
  return true
}

/** By a socket without a file, as in lock.ts, which ends with the process. False where the port is somebody's. */
async function reserve(port: number): Promise<boolean> {
  const server = await tryListen({ path: `\0millrace-port-${port}` })
  server?.unref()
  return server !== undefined
}

/** Undefined where somebody listens there already. */
function tryListen(at: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(at, () => resolve(server))
  })
}
