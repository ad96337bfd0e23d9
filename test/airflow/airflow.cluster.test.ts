import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from '../../harness/command.ts'
import { installPython } from '../../harness/install.ts'
import { openSite, type Site } from './site.ts'
import { testWithAirflow } from './withAirflow.ts'

const DAGS = join(import.meta.dirname, '../../docker/airflow/dags')
const DATE = '2026-11-20'
const CALL_MILLIS = 60_000

if (process.env.MILLRACE_TEST_AIRFLOW === 'true') testWithAirflow()

describe("the DAG's client, with Python's own library", () => {
  let python: string
  let site: Site
  beforeAll(async () => {
    python = await installPython(line => process.stderr.write(`${line}\n`))
    site = await openSite()
    await site.start()
  })
  afterAll(() => site.close())

  /** What the lines print, with `server` in reach; the name and text of an error of ours otherwise. */
  async function ask(url: string, ...lines: string[]): Promise<string> {
    const program = [
      'import json, time',
      'from millrace_client import Millrace, Refused, Unanswered',
      `server = Millrace(${JSON.stringify(url)}, "airflow", "canary")`,
      'try:',
      ...lines.map(line => `    ${line}`),
      'except (Refused, Unanswered) as error:',
      '    print(type(error).__name__, error)',
    ]
    const environment = { PYTHONPATH: DAGS, PYTHONDONTWRITEBYTECODE: '1', no_proxy: '127.0.0.1' }
    return await runCommand(python, ['-c', program.join('\n')], { environment, timeoutMillis: CALL_MILLIS })
  }

  test('can be read, and so can the DAG', async () => {
    const program = 'import ast, sys; [ast.parse(open(file).read(), file) for file in sys.argv[1:]]'
    const files = ['millrace_client.py', 'millrace_warehouse.py'].map(name => join(DAGS, name))
    await runCommand(python, ['-c', program, ...files])
  })

  test('starts jobs and follows them to their ends', async () => {
    await site.makeDay(DATE)
    const printed = await ask(
      site.url,
      `for job in server.ingest("${DATE}"), server.run("${DATE}"):`,
      '    while job["state"] in ("QUEUED", "RUNNING"):',
      '        time.sleep(0.05)',
      '        job = server.job(job["id"])',
      '    print(job["state"], job["message"])',
    )
    expect(printed).toMatch(
      /^SUCCEEDED Landed 1,000 citizens of .*\nSUCCEEDED Published [\d,]+ rows of 8 tables for .*\n$/,
    )
  })

  test.each([
    ['an id that no job has', 'server.job("01a00000-0000-7000-8000-000000000000")', /^Refused NOT_FOUND: /],
    ['what is no date', 'server.run("yesterday")', /^Refused BAD_USER_INPUT: /],
  ])('says why %s is refused', async (_what, line, expected) => {
    expect(await ask(site.url, line)).toMatch(expected)
  })

  test('tells a server that does not answer, or is another, from one that refuses; without the password', async () => {
    expect(await ask('http://127.0.0.1:1/graphql', `server.run("${DATE}")`)).toMatch(/^Unanswered .* did not answer: /)
    const other = createServer((request, response) => {
      response.writeHead(request.headers.authorization === undefined ? 500 : 401).end('No.')
    }).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}/graphql`
    const refused = await ask(url, `server.run("${DATE}")`)
    expect(refused).toMatch(/^Refused FORBIDDEN: .* answered HTTP 401\.\n$/)
    expect(refused).not.toContain('canary')
    expect(await ask(url, `Millrace("${url}").run("${DATE}")`)).toMatch(/^Unanswered .* answered HTTP 500\.\n$/)
    other.close()
  })
})
