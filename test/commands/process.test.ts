import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../api/testApp.ts'

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

interface Running {
  child: ChildProcess
  /** Both streams together. */
  output(): string
  /** Waits until the output has the text. */
  shows(text: string): Promise<void>
  /** The exit code, when all output has been read. */
  ended: Promise<number | null>
}

function start(command: string, parameters: string[], dataDir: string): Running {
  const environment = {
    PATH: process.env.PATH,
    TERM: 'xterm',
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PORT: '0',
    // Not the embedded one: a server would make the sample.
    MILLRACE_SOURCE_URL: `duckdb:${join(dataDir, 'none.duckdb')}`,
  }
  const child = spawn(command, parameters, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  closing.push(() => void child.kill('SIGKILL'))
  let output = ''
  let changed = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data.toString()
      changed.resolve()
      changed = Promise.withResolvers()
    })
  }
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    child,
    output: () => output,
    ended,
    async shows(text) {
      let over = false
      void ended.then(() => (over = true))
      while (!output.includes(text)) {
        if (over) throw new Error(`expected ${JSON.stringify(text)} in the output, got ${JSON.stringify(output)}`)
        await Promise.race([changed.promise, ended])
      }
    },
  }
}

const millrace = (parameters: string[], dataDir: string): Running =>
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
