import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../api/testApp.ts'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'

/** Built by "npm test" before the tests. */
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

const closing: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function startServer(): Promise<TestApp> {
  const server = await startTestApp()
  closing.push(() => server.close())
  return server
}

function start(command: string, parameters: string[], dataDir: string): RunningProcess {
  const running = startProcess(command, parameters, {
    PATH: process.env.PATH,
    TERM: 'xterm',
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PORT: '0',
    // Not the embedded one: a server would make the sample.
    MILLRACE_SOURCE_URL: `duckdb:${join(dataDir, 'none.duckdb')}`,
  })
  closing.push(() => void running.child.kill('SIGKILL'))
  return running
}

const millrace = (parameters: string[], dataDir: string): RunningProcess =>
  start(process.execPath, [cli, ...parameters], dataDir)

describe('the process', () => {
  it('cancels its job on Ctrl-C and ends with 130', async () => {
    const { dataDir, jobs } = await startServer()
    const running = millrace(['DbToHdfs'], dataDir)
    await running.shows('1/2 rows')
    running.child.kill('SIGINT')
    expect(await running.ended).toBe(130)
    expect(running.output()).toBe('DbToHdfs: 1/2 rows\nDbToHdfs: The job was cancelled. It was at 1 of 2 rows.\n')
    expect(jobs.list({ first: 1 })[0]?.state).toBe('CANCELLED')
  })

  it('ends quietly when nobody reads its output any more', async () => {
    const { dataDir } = await startServer()
    const running = millrace(['counties'], dataDir)
    running.child.stdout?.destroy()
    expect(await running.ended).toBe(0)
    expect(running.output()).toBe('')
  })

  it('draws a bar on a terminal', async () => {
    const { dataDir, loans } = await startServer()
    const line = `'${process.execPath}' '${cli}' DbToHdfs`
    const running = start(
      'script',
      ['--quiet', '--return', '--command', `stty cols 100; ${line}`, '/dev/null'],
      dataDir,
    )
    await running.shows('1/2 rows')
    loans.finishMigration()
    expect(await running.ended).toBe(0)
    const shown = stripVTControlCharacters(running.output())
    expect(shown).toContain('DbToHdfs ████████░░░░░░░░  50%  1/2 rows')
    expect(shown).toContain('DbToHdfs ████████████████ 100%  2/2 rows  100 B')
    expect(shown.trimEnd().endsWith('Migrated 2 loans.')).toBe(true)
  })

  it('says which Node it needs on an older one', async () => {
    const older = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' })`
    const hidden = `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions}});${older}`
    const running = start(process.execPath, ['--import', hidden, cli, 'jobs'], tmpdir())
    expect(await running.ended).toBe(1)
    expect(running.output()).toBe(
      'error: Millrace needs Node 24 or newer, but this is Node 20.20.2.\n' +
        'hint: "npm run millrace -- <command>" in its folder runs it on the Node 24 that npm ci has installed.\n',
    )
  })

  it('serves until it is told to stop, and other commands find it', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'millrace-serve-'))
    closing.push(() => rmSync(dataDir, { recursive: true, force: true }))
    const server = millrace(['serve', '--json'], dataDir)
    await server.shows('/graphql"}\n')
    const { url } = JSON.parse(
      server
        .output()
        .split('\n')
        .find(line => line.includes('graphql')) ?? '',
    ) as { url: string }

    const second = millrace(['serve'], dataDir)
    expect(await second.ended).toBe(1)
    expect(second.output()).toContain(
      `error: Expected the data directory ${dataDir} to be free, but the server at ${url}`,
    )

    const jobs = millrace(['jobs'], dataDir)
    expect(await jobs.ended).toBe(0)
    expect(jobs.output()).toBe('no jobs\n')

    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(0)
  })
})
