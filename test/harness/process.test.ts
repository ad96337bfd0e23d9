import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDaemon, type DaemonPlan, identify, processState } from '../../harness/process.ts'

const RUNS_FOREVER = 'setInterval(() => {}, 1000); console.log("ready")'
const IGNORES_TERM = `process.on("SIGTERM", () => {}); ${RUNS_FOREVER}`

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-process-'))
})

afterEach(async () => {
  await daemon('').stop(0)
  await rm(folder, { recursive: true })
})

/** Any two with the same name in one folder are the same daemon, as seen by two processes. */
function daemon(program: string, plan: Partial<DaemonPlan> = {}) {
  const logSaysReady = async () => (await readFile(join(folder, 'example.log'), 'utf8')).includes('ready')
  const args = ['-e', program]
  return createDaemon({ name: 'example', command: process.execPath, args, folder, isReady: logSaysReady, ...plan })
}

test('a daemon is started once, whoever asks', async () => {
  const first = daemon(RUNS_FOREVER)
  await first.start()
  await first.waitUntilReady()
  const second = daemon(RUNS_FOREVER)
  await second.start()
  expect(second.state()).toBe('running')
  expect(second.pid()).toBe(first.pid())
})

test('a killed daemon is gone when kill resolves, and starts again under another pid', async () => {
  const example = daemon(RUNS_FOREVER)
  await example.start()
  const pid = example.pid()!
  await example.kill()
  expect(example.state()).toBe('stopped')
  expect(example.pid()).toBeUndefined()
  await example.start()
  expect(example.state()).toBe('running')
  expect(example.pid()).not.toBe(pid)
})

test('a hung daemon keeps its pid, and runs again when resumed', async () => {
  const example = daemon(RUNS_FOREVER)
  await example.start()
  const pid = example.pid()
  await example.hang()
  expect(example.state()).toBe('hung')
  expect(example.pid()).toBe(pid)
  await example.resume()
  expect(example.state()).toBe('running')
})

test('a hung daemon can be stopped', async () => {
  const example = daemon(RUNS_FOREVER)
  await example.start()
  await example.hang()
  await example.stop()
  expect(example.state()).toBe('stopped')
})

test('a daemon that ignores SIGTERM is killed when its grace is over', async () => {
  const example = daemon(IGNORES_TERM)
  await example.start()
  await example.waitUntilReady()
  await example.stop(50)
  expect(example.state()).toBe('stopped')
})

test('a process that got the pid of a daemon later is neither shown nor killed', async () => {
  const stranger = spawn(process.execPath, ['-e', RUNS_FOREVER])
  await once(stranger, 'spawn')
  const identity = identify(stranger.pid!)
  await writeFile(join(folder, 'example.pid.json'), JSON.stringify({ ...identity, startedAt: '1' }))

  const example = daemon(RUNS_FOREVER)
  expect(example.state()).toBe('stopped')
  expect(example.pid()).toBeUndefined()
  await expect(example.kill()).rejects.toThrow('example does not run')
  await example.stop()
  expect(processState(identity)).toBe('running')
  stranger.kill('SIGKILL')
  await once(stranger, 'close')
  expect(processState(identity)).toBe('gone')
})

test('a pid from before the last boot is nobody', () => {
  expect(processState({ ...identify(process.pid), boot: 'another' })).toBe('gone')
})

test('a daemon that ends while it is starting shows the end of its log', async () => {
  const example = daemon('console.error("port 4711 is taken"); process.exit(1)')
  await example.start()
  await expect(example.waitUntilReady()).rejects.toThrow(/example ended while it was starting.*port 4711 is taken/s)
})

test('a daemon that never answers says what was last heard of it', async () => {
  const example = daemon(RUNS_FOREVER, { isReady: () => Promise.reject(new Error('connection refused')) })
  await example.start()
  const ready = example.waitUntilReady(50)
  await expect(ready).rejects.toThrow(/waited 0.05 s for example to answer, in vain.*connection refused/s)
})

test('a program that is not there is an error that names the daemon', async () => {
  const example = daemon('', { command: join(folder, 'no-such-program') })
  await expect(example.start()).rejects.toThrow(/example could not be started: .*ENOENT/)
})

test('a daemon of several processes is killed and hung with all of them', async () => {
  const child = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])`
  const example = daemon(`console.log(${child}.pid); ${RUNS_FOREVER}`, { wholeTree: true })
  await example.start()
  await example.waitUntilReady()
  const started = identify(Number((await readFile(example.logFile, 'utf8')).split('\n')[0]))
  await example.hang()
  expect(processState(started)).toBe('hung')
  await example.resume()
  expect(processState(started)).toBe('running')
  await example.kill()
  expect(processState(started)).toBe('gone')
})
