import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from '../client/client.ts'
import type { Config } from '../config.ts'
import { readRunningServer } from '../dataDirectory.ts'
import { hasCode } from '../errors.ts'
import type { Output } from './terminal.ts'

/** The server that a command talks to, found or started at the first use. */
export interface Connection {
  client(): Promise<Client>
  /** Undefined where no server was named and none runs; starts none. */
  running(): Promise<Client | undefined>
  /** Also stops the server where it was started for this command. */
  close(): Promise<void>
}

export interface ConnectionOptions {
  /** Asks this server and no other. */
  url: string | undefined
  config: () => Config
  /** Whether MILLRACE_PORT is set: a server may then listen there with another data directory. */
  portIsSet: () => boolean
  stderr: Output
  signal: AbortSignal
}

const healthMillis = 2_000
/** Another command may hold the data directory: most end within this time. */
const busyMillis = 15_000

export function createConnection(options: ConnectionOptions): Connection {
  const { url, stderr } = options
  const closing: (() => Promise<void>)[] = []
  let opened: Promise<Client> | undefined

  async function open(): Promise<Client> {
    return await connectTo(url ?? (await findOrStart()))
  }

  /** The client is loaded only here: commands that run alone need none of it, and take less memory without. */
  async function connectTo(server: string): Promise<Client> {
    const { createClient } = await import('../client/client.ts')
    const client = createClient(server, {
      onWarning: warning => stderr.write(`warning: ${warning}\n`),
    })
    closing.unshift(() => client.close())
    return client
  }

  async function findOrStart(): Promise<string> {
    const config = options.config()
    const giveUpAt = Date.now() + busyMillis
    while (true) {
      const running = await findServer(config, options)
      if (running !== undefined) return running
      try {
        const server = await startServer(config, stderr)
        closing.push(server.close)
        return server.url
      } catch (error) {
        if (!hasCode(error, 'CONFLICT') || Date.now() > giveUpAt) throw error
        await pause(100, undefined, { signal: options.signal })
      }
    }
  }

  return {
    client() {
      opened ??= open()
      return opened
    },
    async running() {
      const server = url ?? (await findServer(options.config(), options))
      return server === undefined ? undefined : await connectTo(server)
    },
    async close() {
      await opened?.catch(() => {})
      for (const close of closing) await close()
    },
  }
}

/** The server of this data directory, or the one on the port that is configured; undefined where none answers. */
async function findServer(config: Config, { portIsSet }: ConnectionOptions): Promise<string | undefined> {
  const host = config.host.includes(':') ? `[${config.host}]` : config.host
  const candidates = [readRunningServer(config.dataDir)?.url, portIsSet() ? `http://${host}:${config.port}` : undefined]
  for (const url of candidates) if (url !== undefined && (await isHealthy(url))) return url
  return undefined
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const reply = await fetch(new URL('/healthz', url), { signal: AbortSignal.timeout(healthMillis) })
    const body: unknown = await reply.json()
    return reply.ok && typeof body === 'object' && body !== null && 'status' in body && body.status === 'ok'
  } catch {
    return false
  }
}

/** The whole program in this process, on a port that nobody else is told of. Loaded only here: asking a server needs none of it. */
async function startServer(config: Config, stderr: Output): Promise<{ url: string; close: () => Promise<void> }> {
  const [{ createApp }, { pino }] = await Promise.all([import('../app.ts'), import('pino')])
  const log = pino({ level: 'error' }, { write: line => void stderr.write(line) })
  const app = await createApp({ ...config, host: '127.0.0.1', port: 0, grpcPort: null }, { log, announce: false })
  try {
    const { url } = await app.listen()
    return { url, close: () => app.close() }
  } catch (error) {
    await app.close()
    throw error
  }
}
