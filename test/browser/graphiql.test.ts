import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type App, createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { readExamples } from '../../src/server/graphiql.ts'

/** The picture of the documentation: remove it, and the test takes it anew. */
const SCREENSHOT = join(import.meta.dirname, '../../docs/images/graphiql.png')
const folder = mkdtempSync(join(tmpdir(), 'millrace-browser-'))

let app: App
let url: string
let browser: BrowserContext
let page: Page
const leftOurOrigin: string[] = []
const complaints: string[] = []

beforeAll(async () => {
  const source = join(folder, 'loans.duckdb')
  await makeLoans(source)
  app = await createApp(
    readConfig({
      MILLRACE_SOURCE_URL: `duckdb:${source}`,
      MILLRACE_DATA_DIR: join(folder, 'data'),
      MILLRACE_PORT: '0',
      MILLRACE_LOG_LEVEL: 'warn',
    }),
  )
  ;({ url } = await app.listen())
  browser = await chromium.launchPersistentContext(join(folder, 'chromium'), {
    executablePath: '/usr/bin/chromium',
    headless: true,
    viewport: { width: 1440, height: 860 },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  page = await browser.newPage()
  page.setDefaultTimeout(15_000)
  page.on('console', message => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  await page.route('**', route => {
    const { origin } = new URL(route.request().url())
    if (origin === url || origin === 'null') return route.continue()
    leftOurOrigin.push(route.request().url())
    return route.abort()
  })
  const schemaAsked = page.waitForResponse(response => response.request().method() === 'POST')
  await page.goto(`${url}/graphql`)
  await schemaAsked
  await page.locator('.graphiql-query-editor .view-line', { hasText: 'AverageOfDane' }).waitFor()
})

afterAll(async () => {
  await browser?.close()
  await app?.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a person opens GraphiQL, migrates and reads an average with two saved queries and the run button', async () => {
  const answer = page.locator('.graphiql-response .view-lines')
  await run('Migrate the loans and wait', 'MigrateAndWait')
  await answer.getByText('"SUCCEEDED"').waitFor()
  await run('Average loan of a county', 'AverageOfDane')
  await answer.getByText('"CREATE"').waitFor()
  expect(await answer.innerText()).toMatch(/"averageLoan":\s415000/)
  const picture = await page.screenshot()
  expect(picture.length).toBeGreaterThan(10_000)
  if (!existsSync(SCREENSHOT)) {
    mkdirSync(dirname(SCREENSHOT), { recursive: true })
    writeFileSync(SCREENSHOT, picture)
  }
})

test('every example is offered, in the order of its files', async () => {
  const labels = await page.locator('.graphiql-history-item-label').allInnerTexts()
  const examples = readExamples().map(({ label }) => label)
  expect(labels.filter(label => examples.includes(label)).slice(0, examples.length)).toEqual(examples)
})

test('examples come once, and what a person removed stays removed', async () => {
  const { length } = readExamples()
  await page.getByRole('button', { name: 'Remove favorite' }).nth(2).click({ force: true })
  await page.reload()
  const items = page.locator('.graphiql-history-items').first().locator('.graphiql-history-item-label')
  await items.first().waitFor()
  expect(await items.count()).toBe(length - 1)
})

test('nothing is asked of another origin, and the content policy has nothing to refuse', () => {
  expect(leftOurOrigin).toEqual([])
  expect(complaints).toEqual([])
})

/** Picks the saved query, waits until GraphiQL has read it, and presses the button. */
async function run(label: string, operation: string): Promise<void> {
  await page.locator('.graphiql-history-item-label', { hasText: label }).first().click()
  await page.locator('.graphiql-tab-button', { hasText: operation }).waitFor()
  await page.locator('.graphiql-execute-button').click()
}

/** A thousand loans in each of three counties, from 5,000 to 995,000 dollars. */
async function makeLoans(file: string): Promise<void> {
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  await connection.run(`
    CREATE TABLE loan_types (id BIGINT, loan_type_name VARCHAR);
    INSERT INTO loan_types VALUES (1, 'Conventional'), (2, 'FHA');
    CREATE TABLE loans AS
      SELECT i AS id, 55001 + 24 * (i % 3) AS county_code, 1 + i % 2 AS loan_type_id, 5000 + 10000 * (i // 3 % 100) AS loan_amount
      FROM range(3000) AS rows(i)`)
  connection.closeSync()
  instance.closeSync()
}
