import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../harness/ports.ts'
import { inboxPath } from '../../src/warehouse/ingest/ingestCitizens.ts'
import { createCitizens } from '../../src/warehouse/sample/createCitizens.ts'
import { fillReferenceTables } from '../setup/embeddedWarehouse.ts'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'

/** The built server in a process of its own, over folders of its own; after a kill it starts at the same address. */
export interface Site {
  folder: string
  /** The GraphQL endpoint. */
  url: string
  start(): Promise<void>
  /** -9. */
  kill(): Promise<void>
  makeDay(date: string, rows?: number): Promise<void>
  changeDay(date: string, change: (text: string) => string): Promise<void>
  /** "2026-11-20 SUCCEEDED", newest first. */
  runs(): Promise<string[]>
  close(): Promise<void>
}

const MAIN = join(import.meta.dirname, '../../dist/main.js')
const HOST = '127.0.0.1'
const ANSWER_MILLIS = 10_000

export async function openSite(): Promise<Site> {
  if (!existsSync(MAIN)) throw new Error('Expected dist/main.js: run "npm run build", or the tests with "npm test".')
  const folder = await mkdtemp(join(tmpdir(), 'millrace-airflow-'))
  const inbox = join(folder, 'inbox')
  const dayFile = (date: string) => join(inbox, inboxPath(date))
  const port = await freePort(HOST)
  const url = `http://${HOST}:${port}/graphql`
  await fillReferenceTables(join(folder, 'source.duckdb'))
  let server: RunningProcess | undefined

  const site: Site = {
    folder,
    url,
    async start() {
      server = startProcess(process.execPath, [MAIN], {
        PATH: process.env.PATH,
        MILLRACE_PORT: String(port),
        MILLRACE_DATA_DIR: join(folder, 'data'),
        MILLRACE_SOURCE_URL: `duckdb:${join(folder, 'source.duckdb')}`,
        MILLRACE_CITIZENS_URL: `file:${inbox}`,
        MILLRACE_LOG_LEVEL: 'error',
      })
      await server.shows(url)
    },
    async kill() {
      server?.child.kill('SIGKILL')
      await server?.ended
      server = undefined
    },
    async makeDay(date, rows = 1_000) {
      await createCitizens({ file: dayFile(date), date, rows })
    },
    async changeDay(date, change) {
      await writeFile(dayFile(date), change(await readFile(dayFile(date), 'utf8')))
    },
    async runs() {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ warehouseRuns { date state } }' }),
        signal: AbortSignal.timeout(ANSWER_MILLIS),
      })
      const { data } = (await response.json()) as { data: { warehouseRuns: { date: string; state: string }[] } }
      return data.warehouseRuns.map(({ date, state }) => `${date} ${state}`)
    },
    async close() {
      await site.kill()
      await rm(folder, { recursive: true })
    },
  }
  return site
}
