import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

/** The built program, as `npm start` runs it: test/run.ts builds before it tests. */
const MAIN = join(import.meta.dirname, '../dist/main.js')
const folder = mkdtempSync(join(tmpdir(), 'millrace-main-'))
const running = new Set<ChildProcess>()

interface Program {
  child: ChildProcess
  stdout(): string
  stderr(): string
  ended: Promise<number | NodeJS.Signals>
}

beforeAll(() => {
  if (!existsSync(MAIN)) throw new Error('Expected dist/main.js: run "npm run build", or the tests with "npm test".')
})
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('it says where GraphiQL is and what is bound, and a signal stops it with code 0', async () => {
  const program = start({ MILLRACE_SOURCE_URL: 'duckdb:./none.duckdb', MILLRACE_GRPC_PORT: '0' })
  const url = await urlOf(program)
  expect(await (await fetch(`${url}/healthz`)).json()).toEqual({ status: 'ok' })
  await said(program, /storage +file:.*storage/)
  expect(program.stdout()).toMatch(/^gRPC is at 127\.0\.0\.1:\d+$/m)
  expect(program.stdout()).toMatch(/source +duckdb:.*none\.duckdb - not ready: /)
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
  expect(existsSync(join(folder, 'data/server.json'))).toBe(false)
})

test('a server killed with -9 leaves its data directory free for the next one', async () => {
  const first = start({ MILLRACE_SOURCE_URL: 'duckdb:./none.duckdb' })
  const url = await urlOf(first)
  const second = start({ MILLRACE_SOURCE_URL: 'duckdb:./none.duckdb' })
  expect(await second.ended).toBe(1)
  expect(second.stderr()).toContain(`the server at ${url} (process ${first.child.pid}) uses it.`)
  first.child.kill('SIGKILL')
  await first.ended
  const third = start({ MILLRACE_SOURCE_URL: 'duckdb:./none.duckdb' })
  await urlOf(third)
  third.child.kill('SIGINT')
  expect(await third.ended).toBe(0)
})

test('a wrong configuration ends it with code 1 and a message to read', async () => {
  const program = start({ MILLRACE_PORT: 'http' })
  expect(await program.ended).toBe(1)
  expect(program.stderr()).toBe(
    'error: MILLRACE_PORT: expected a whole number from 0 to 65535, but got "http"\nCorrect the environment or .env; "millrace config" prints every variable, its value and what it does.\n',
  )
})

test('a port in use ends it with code 1 and a message to read', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const program = start({ MILLRACE_PORT: String(port), MILLRACE_SOURCE_URL: 'duckdb:./none.duckdb' })
  expect(await program.ended).toBe(1)
  taken.close()
  expect(program.stderr()).toContain(`error: Expected port ${port} of 127.0.0.1 to be free`)
  expect(program.stderr()).not.toContain('    at ')
})

function start(environment: Record<string, string>): Program {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_'))
  const child = spawn(process.execPath, [MAIN], {
    cwd: folder,
    env: { ...Object.fromEntries(others), MILLRACE_PORT: '0', MILLRACE_LOG_LEVEL: 'error', ...environment },
  })
  running.add(child)
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => {
    stdout += String(chunk)
  })
  child.stderr.on('data', chunk => {
    stderr += String(chunk)
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return (code ?? signal) as number | NodeJS.Signals
  })
  return { child, stdout: () => stdout, stderr: () => stderr, ended }
}

async function urlOf(program: Program): Promise<string> {
  await said(program, /Millrace is at/)
  return /http:\/\/[\d.:]+/.exec(program.stdout())![0]
}

async function said(program: Program, what: RegExp): Promise<void> {
  await expect.poll(() => program.stdout(), { timeout: 15_000, interval: 10, message: program.stderr() }).toMatch(what)
}
