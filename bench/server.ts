import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** The built server in a process of its own, as `npm start` runs it. */
export interface BenchServer {
  /** The GraphQL endpoint. */
  readonly url: string
  ask<Data>(query: string): Promise<Data>
  /** The memory that the process has resident now, and the most that it had so far, in MB. */
  residentMb(): Promise<number>
  peakResidentMb(): Promise<number>
  /** What the process has used of the processor so far, in milliseconds. */
  cpuMillis(): Promise<number>
  stop(): Promise<void>
}

const START_DEADLINE_MILLIS = 60_000
const ANSWER_DEADLINE_MILLIS = 120_000

/** With an empty data directory, which stop() removes. */
export async function startServer(environment: Readonly<Record<string, string>>): Promise<BenchServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const child = spawn(process.execPath, ['--max-semi-space-size=8', 'dist/main.js'], {
    env: {
      ...process.env,
      MALLOC_ARENA_MAX: '2',
      MILLRACE_DATA_DIR: dataDir,
      MILLRACE_PORT: '0',
      MILLRACE_LOG_LEVEL: 'warn',
      ...environment,
    },
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
    url: endpoint,
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
    residentMb: () => memoryOf(child.pid!, 'VmRSS'),
    peakResidentMb: () => memoryOf(child.pid!, 'VmHWM'),
    cpuMillis: () => cpuMillisOf(child.pid!),
    async stop() {
      const ended = once(child, 'exit')
      child.kill('SIGTERM')
      await ended
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export async function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return (Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6
}

/** Linux counts the processor's time in hundredths of a second. */
const TICK_MILLIS = 10

export async function cpuMillisOf(pid: number): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /s, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MILLIS
}
