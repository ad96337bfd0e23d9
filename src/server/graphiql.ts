import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { serveStatic } from 'ruru/static'

/** A query that GraphiQL offers. */
export interface Example {
  label: string
  query: string
}

export interface Graphiql {
  /** For GET. True where the request is for the page or one of its files, and has been answered. */
  handle(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean>
}

/** Everything that GraphiQL consists of is under this path: nothing comes from another origin. */
const ASSETS = '/graphiql/'
const RURU = `${ASSETS}ruru/`
const PAGE_FOLDER = new URL('../../web/graphiql/', import.meta.url)
const EXAMPLES_FOLDER = new URL('../../schema/operations/examples/', import.meta.url)

const HEADERS = {
  // Monaco, the editor, writes style attributes.
  'content-security-policy':
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-cache',
}

/** GraphiQL for a browser at /graphql: ruru's build of it, with our examples among its saved queries. */
export function createGraphiql(): Graphiql {
  const ruru = serveStatic(RURU)
  const files = new Map<string, { type: string; text: string }>([
    ['/graphql', { type: 'text/html; charset=utf-8', text: pageFile('index.html') }],
    [`${ASSETS}start.js`, { type: 'text/javascript; charset=utf-8', text: pageFile('start.js') }],
    [`${ASSETS}page.css`, { type: 'text/css; charset=utf-8', text: pageFile('page.css') }],
    [`${ASSETS}examples.json`, { type: 'application/json; charset=utf-8', text: JSON.stringify(readExamples()) }],
  ])

  return {
    async handle(request, response, path) {
      if (path === '/graphql' && !wantsPage(request)) return false
      const file = files.get(path)
      if (file) {
        response.writeHead(200, { ...HEADERS, 'content-type': file.type }).end(file.text)
        return true
      }
      if (!path.startsWith(RURU)) return false
      response.setHeaders(new Headers(HEADERS))
      return await new Promise((resolve, reject) => {
        response.once('finish', () => resolve(true))
        response.once('close', () => resolve(true))
        ruru(request, response, error => (error instanceof Error ? reject(error) : resolve(false)))
      })
    },
  }
}

/** The examples in the order of their file names; the first line of each, a comment, is its label. */
export function readExamples(): Example[] {
  return readdirSync(EXAMPLES_FOLDER)
    .filter(name => name.endsWith('.graphql'))
    .sort()
    .map(name => {
      const query = readFileSync(new URL(name, EXAMPLES_FOLDER), 'utf8')
      return { label: /^# *(.+)/.exec(query)?.[1] ?? name, query }
    })
}

function pageFile(name: string): string {
  return readFileSync(new URL(name, PAGE_FOLDER), 'utf8')
}

/** A person's browser, not a program that queries with GET. */
function wantsPage({ headers, url = '' }: IncomingMessage): boolean {
  return (headers.accept ?? '').includes('text/html') && !/[?&]query=/.test(url)
}
