import { createHash } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'

/**
 * Runs `action` while nobody else on this machine runs one under the same name; whoever comes second waits. The lock is a
 * listening socket without a file (Linux's abstract namespace), so it is free again as soon as its process has ended.
 */
export async function withLock<T>(name: string, action: () => Promise<T>): Promise<T> {
  const address = `\0millrace-${createHash('sha256').update(name).digest('hex')}`
  let release = await tryLock(address)
  while (!release) {
    await untilReleased(address)
    release = await tryLock(address)
  }
  try {
    return await action()
  } finally {
    release()
  }
}

/** Returns what gives the lock back; undefined where another holds it. */
function tryLock(address: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<Socket>()
    const server = createServer(socket => waiting.add(socket.on('error', () => {})))
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(address, () =>
      resolve(() => {
        server.close()
        for (const socket of waiting) socket.destroy()
      }),
    )
  })
}

/** Nothing is ever sent: the connection ends with the lock. */
function untilReleased(address: string): Promise<void> {
  return new Promise(resolve => {
    connect(address)
      .on('error', () => {}) // 'close' follows
      .resume()
      .once('close', () => resolve())
  })
}
