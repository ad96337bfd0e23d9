import { createServer } from 'node:net'

/**
 * Below the ports that the kernel gives to outgoing connections (32768 and up on Linux): a daemon that is down for a
 * while finds its port still free when it comes back.
 */
const FIRST_PORT = 15_000
const LAST_PORT = 32_000

/** A TCP port that nobody listens on now, on any of the hosts. */
export async function freePort(...hosts: string[]): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT))
    const free = await Promise.all([...new Set(hosts)].map(host => isFree(host, port)))
    if (free.every(Boolean)) return port
  }
  throw new Error(`found no free port of ${hosts.join(' and ')} between ${FIRST_PORT} and ${LAST_PORT} in 100 tries`)
}

export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    )
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
