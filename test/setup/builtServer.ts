import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningProcess, startProcess } from './runningProcess.ts'

/** The built server in a process of its own, with a data directory that stays over a kill. */
export interface BuiltServer {
  start(): Promise<void>
  /** -9. */
  kill(): Promise<void>
  /** The data of the answer; throws its errors. */
  ask<Data>(query: string): Promise<Data>
  /** Kills it, and removes its data directory. */
  close(): Promise<void>
}

const MAIN = join(import.meta.dirname, '../../dist/main.js')

export async function builtServer(environment: Record<string, string>): Promise<BuiltServer> {
  if (!existsSync(MAIN)) throw new Error('Expected dist/main.js: run "npm run build", or the tests with "npm test".')
  const folder = await mkdtemp(join(tmpdir(), 'millrace-built-'))
  let running: RunningProcess | undefined
  let url = ''

  const server: BuiltServer = {
    async start() {
      running = startProcess(process.execPath, [MAIN], {
        PATH: process.env.PATH,
        MILLRACE_DATA_DIR: folder,
        MILLRACE_PORT: '0',
        MILLRACE_LOG_LEVEL: 'error',
        ...environment,
      })
      await running.shows('/graphql')
      url = /http:\S+\/graphql/.exec(running.output())![0]
    },
    async kill() {
      running?.child.kill('SIGKILL')
      await running?.ended
      running = undefined
    },
    async ask<Data>(query: string) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      })
      const { data, errors } = (await response.json()) as { data: Data; errors?: unknown }
      if (errors) throw new Error(`${query} failed: ${JSON.stringify(errors)}`)
      return data
    },
    async close() {
      await server.kill()
      await rm(folder, { recursive: true })
    },
  }
  return server
}
