import type { Data } from './questions.ts'

/** What came of one request. */
export interface Answer {
  /** Empty where there was none. */
  data: Data
  /** `extensions.code` of each error; "none" for one without. */
  codes: string[]
  /** Why there was no answer of GraphQL at all. */
  failure: string | undefined
  seconds: number
}

interface Reply {
  data?: Data | null
  errors?: { extensions?: { code?: string } }[]
}

/** Longer than any deadline of the server: a question gets its answer within 31 s, a migration within its waits. */
const DEADLINE_MILLIS = 150_000

export async function ask(url: string, query: string): Promise<Answer> {
  const startedAt = performance.now()
  const passed = () => (performance.now() - startedAt) / 1000
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
      signal: AbortSignal.timeout(DEADLINE_MILLIS),
    })
    const { data, errors = [] } = (await response.json()) as Reply
    const codes = errors.map(({ extensions }) => extensions?.code ?? 'none')
    return { data: data ?? {}, codes, failure: undefined, seconds: passed() }
  } catch (error) {
    return { data: {}, codes: [], failure: String(error), seconds: passed() }
  }
}
