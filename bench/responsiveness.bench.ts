import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { cpus, loadavg, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * How quick the API stays, and how large the process grows, while a whole migration of the sample runs: `{ __typename }` every 10 ms,
 * up to 16 at a time, timed from when it was due. Against the built server, whatever source and storage the
 * environment names; MySQL and HDFS: `eval "$(npm run -s cluster -- env)"` first.
 */
const PAUSE_MILLIS = 10
const QUIET_SECONDS = 5
const RESULTS = join(import.meta.dirname, 'responsiveness.md')

const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const agent = new Agent({ keepAlive: true, maxSockets: 16, scheduling: 'fifo' })
const server = spawn(process.execPath, [join(import.meta.dirname, '../dist/main.js')], {
  env: { ...process.env, MILLRACE_DATA_DIR: folder, MILLRACE_PORT: '0', MILLRACE_LOG_LEVEL: 'error' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
try {
  const url = await urlOf()
  await ready(url)
  const quiet = await latencies(url, pause(QUIET_SECONDS * 1000))
  // Linux: the peak counts from here on, without the making of the sample.
  writeFileSync(`/proc/${server.pid}/clear_refs`, '5')
  const start = performance.now()
  const migration = graphql(url, 'mutation { migrateLoans { state message } }')
  const busy = await latencies(url, migration)
  const seconds = (performance.now() - start) / 1000
  const { migrateLoans } = (await migration) as { migrateLoans: { state: string; message: string } }
  if (migrateLoans.state !== 'SUCCEEDED')
    throw new Error(`expected a migration that succeeds, got: ${migrateLoans.message}`)
  report(await systems(url), quiet, busy, seconds, migrateLoans.message)
} finally {
  server.kill('SIGTERM')
  await once(server, 'close')
  agent.destroy()
  rmSync(folder, { recursive: true, force: true })
}

async function urlOf(): Promise<string> {
  for await (const line of createInterface({ input: server.stdout })) {
    const url = /http:\/\/[^/]+/.exec(line)?.[0]
    if (url !== undefined) return url
  }
  throw new Error('expected the server to say where it is, but it ended')
}

async function ready(url: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if ((await fetch(`${url}/readyz`)).ok) return
    await pause(200)
  }
  throw new Error('expected the server to be ready within two minutes')
}

/** One number of milliseconds for each request until `end`. */
async function latencies(url: string, end: Promise<unknown>): Promise<number[]> {
  const measured: Promise<number>[] = []
  let over = false
  const finish = () => {
    over = true
  }
  end.then(finish, finish)
  const first = performance.now()
  for (let index = 0; !over; index++) {
    const due = first + index * PAUSE_MILLIS
    const early = due - performance.now()
    if (early > 0) await pause(early)
    const answered = graphql(url, '{ __typename }').then(() => performance.now() - due)
    // Awaited at the end, all together: until then a failure is nobody's.
    answered.catch(() => {})
    measured.push(answered)
  }
  return await Promise.all(measured)
}

function graphql(url: string, query: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const asked = request(`${url}/graphql`, { method: 'POST', agent, headers: { 'content-type': 'application/json' } })
    asked.on('error', reject)
    asked.on('response', response => {
      response.setEncoding('utf8')
      let text = ''
      response.on('data', chunk => {
        text += chunk
      })
      response.on('end', () => {
        const { data, errors } = JSON.parse(text) as { data?: unknown; errors?: { message: string }[] }
        if (errors) reject(new Error(errors[0]?.message))
        else resolve(data)
      })
    })
    asked.end(JSON.stringify({ query }))
  })
}

async function systems(url: string): Promise<string> {
  const answer = (await graphql(url, '{ systems { role url } }')) as { systems: { role: string; url: string }[] }
  return answer.systems.map(({ role, url }) => `${role.toLowerCase()} ${url.split(':')[0]}`).join(', ')
}

function report(bound: string, quiet: number[], busy: number[], seconds: number, message: string): void {
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024
  const row = (name: string, values: number[]) => {
    const sorted = values.toSorted((a, b) => a - b)
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1)
    return `| ${name} | ${sorted.length} | ${at(0.5)} | ${at(0.95)} | ${at(0.99)} | ${at(1)} |`
  }
  const text = `# How quick the API stays during a migration

\`npm run bench -- responsiveness\`: \`{ __typename }\` every ${PAUSE_MILLIS} ms, milliseconds from when it was due to the end of the answer.
Client and server share the machine: ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, load average ${loadavg()[0]!.toFixed(1)}; ${bound}.

| | requests | p50 | p95 | p99 | max |
|---|---|---|---|---|---|
${row('nothing else to do', quiet)}
${row('during the migration', busy)}

The migration took ${seconds.toFixed(1)} s: ${message}
Largest resident size of the server process meanwhile: ${peak.toFixed(0)} MiB.
`
  writeFileSync(RESULTS, text)
  process.stdout.write(text)
}
