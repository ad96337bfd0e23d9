import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Pool } from 'undici'
import { createSample } from '../src/loans/sample/createSample.ts'
import type { Section } from './section.ts'
import { cpuMillisOf, startServer } from './server.ts'
import { median, quantile } from './statistics.ts'
import { repeated, timed } from './timing.ts'

/** The first thousands run before V8 has compiled what they need: six times as much. */
const WARM_UP = 20_000
const REQUESTS = 10_000
const AT_ONCE = 8
const QUESTION = JSON.stringify({ query: '{ __typename }' })
const ONE = '{ averageLoan(countyCode: 55025) { averageLoan source } }'
/** The least that answers the same question: reads the body and sends JSON. */
const RAW_SERVER = `
import http from 'node:http'
const server = http.createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  JSON.parse(body)
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: { __typename: 'Query' } }))
})
server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))
`

/** What GraphQL costs over bare HTTP, and what a cached average costs through it. */
export const overhead: Section = {
  name: 'overhead',
  title: 'GraphQL over HTTP',
  repeats: 3,
  async measure(bench) {
    const file = join(bench.folder, 'overhead.duckdb')
    await createSample({ file })
    const server = await startServer({ MILLRACE_SOURCE_URL: `duckdb:${file}` })
    const raw = spawn(process.execPath, ['--input-type=module', '-e', RAW_SERVER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const rawUrl = String((await once(raw.stdout, 'data'))[0]).trim()
    try {
      await server.ask('mutation { migrateLoans { state } }')
      await server.ask(ONE)
      const reuse = await repeated(300, () => timed(() => server.ask(ONE)))
      const own: number[] = []
      const bare: number[] = []
      for (let repeat = 0; repeat < bench.repeats; repeat++) {
        own.push(await cpuMicrosARequest(server.url, () => server.cpuMillis()))
        bare.push(await cpuMicrosARequest(rawUrl, () => cpuMillisOf(raw.pid!)))
      }
      const ratios = own.map((micros, index) => micros / bare[index]!)
      return {
        text: `CPU time of the server process for a request, ${REQUESTS.toLocaleString('en')} of them over ${AT_ONCE} kept connections after ${WARM_UP.toLocaleString('en')} others, against a bare node:http server that parses the body
and answers JSON; then a cached average of the embedded profile, asked for one after the other.`,
        heads: ['what', 'bound', 'Millrace', 'node:http', 'ratio'],
        rows: [
          [
            '`{ __typename }`, CPU microseconds',
            '<= 3x',
            median(own).toFixed(0),
            median(bare).toFixed(0),
            `${median(ratios).toFixed(2)}x`,
          ],
          [
            'cached average, embedded, p50 (p99) ms',
            '<= 10',
            `${median(reuse).toFixed(1)} (${quantile(reuse, 0.99).toFixed(1)})`,
            '',
            '',
          ],
        ],
      }
    } finally {
      raw.kill()
      await server.stop()
    }
  },
}

async function cpuMicrosARequest(url: string, cpuMillis: () => Promise<number>): Promise<number> {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: AT_ONCE })
  const ask = async (times: number) => {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let request = 0; request < times / AT_ONCE; request++) {
          const headers = { 'content-type': 'application/json' }
          const { body } = await pool.request({ path: pathname, method: 'POST', headers, body: QUESTION })
          await body.text()
        }
      }),
    )
  }
  try {
    await ask(WARM_UP)
    const before = await cpuMillis()
    await ask(REQUESTS)
    return (((await cpuMillis()) - before) * 1000) / REQUESTS
  } finally {
    await pool.close()
  }
}
