import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'

/** The built server in a process of its own, as `npm start` runs it. */
export interface BenchServer {
  ask<Data>(query: string): Promise<Data>
  /** The most memory that the process had resident so far, in MB. */
  peakResidentMb(): Promise<number>
  stop(): Promise<void>
}

const START_DEADLINE_MILLIS = 60_000
const ANSWER_DEADLINE_MILLIS = 120_000

export async function startServer(environment: Record<string, string>): Promise<BenchServer> {
  const child = spawn(process.execPath, ['--max-semi-space-size=8', 'dist/main.js'], {
    env: { ...process.env, MILLRACE_PORT: '0', MILLRACE_LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const timer = setTimeout(() => child.kill('SIGKILL'), START_DEADLINE_MILLIS)
  let url: string | undefined
  for await (const line of lines) {
    url = /http:\S+\/graphql/.exec(line)?.[0]
    if (url) break
  }
  clearTimeout(timer)
  if (!url) throw new Error('expected the server to print its address, but it ended')
  const endpoint = url

  return {
    async ask<Data>(query: string) {
      const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
        signal: AbortSignal.timeout(ANSWER_DEADLINE_MILLIS),
      })
      const { data, errors } = (await response.json()) as { data: Data; errors?: unknown }
      if (errors) throw new Error(`${query} failed: ${JSON.stringify(errors)}`)
      return data
    },
    async peakResidentMb() {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
      return (Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6
    },
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
    },
  }
}
