import { existsSync } from 'node:fs'
import type { Logger } from 'pino'
import { duckdbSource } from './datasources/duckdbSource.ts'
import type { Source } from './datasources/source.ts'
import { MillraceError } from './errors.ts'
import { createSample } from './loans/sample/createSample.ts'

export interface EmbeddedSource extends Source {
  /** Begins to make the sample where it is missing; does not wait. */
  prepare(): void
}

/**
 * The DuckDB file of someone who has configured no database. Where it is missing it is made and filled with the sample, which takes
 * seconds; until then the source is UNAVAILABLE, like any database that is still starting, and a migration waits for it.
 */
export function embeddedSource({ file, log }: { file: string; log: Logger }): EmbeddedSource {
  const source = duckdbSource({ file })
  const closing = new AbortController()
  let making: Promise<void> | undefined
  let percent = 0
  let lastFailure = ''

  function prepare(): void {
    if (making || existsSync(file) || closing.signal.aborted) return
    log.info({ file }, 'making the sample')
    percent = 0
    making = make().finally(() => {
      making = undefined
    })
  }

  async function make(): Promise<void> {
    const start = performance.now()
    try {
      await createSample({ file, signal: closing.signal, onProgress: tell })
      log.info({ file, seconds: Math.round((performance.now() - start) / 1000) }, 'made the sample')
    } catch (error) {
      if (closing.signal.aborted) return
      log.error({ file, err: error }, 'the sample could not be made')
      lastFailure = ` The last try failed: ${error instanceof Error ? error.message : String(error)}.`
    }
  }

  function tell({ done, total }: { done: number; total: number }): void {
    const before = percent
    percent = Math.floor((done / total) * 100)
    if (Math.floor(percent / 25) > Math.floor(before / 25)) log.info({ percent }, 'making the sample')
  }

  function ready(): Source {
    prepare()
    if (!making) return source
    throw new MillraceError('UNAVAILABLE', `The sample is being made: ${percent} % so far.${lastFailure}`, {
      hint: 'Try again in a few seconds.',
    })
  }

  return {
    kind: source.kind,
    url: source.url,
    prepare,
    // Asynchronous, so that what is thrown here is a rejection like any other.
    ping: async call => ready().ping(call),
    columns: async (table, call) => ready().columns(table, call),
    count: async (query, call) => ready().count(query, call),
    async *rows(query, call) {
      yield* ready().rows(query, call)
    },
    createTable: async (table, call) => ready().createTable(table, call),
    append: async (table, columns, rows, call) => ready().append(table, columns, rows, call),
    rowsByKey: async (query, call) => ready().rowsByKey(query, call),
    async *keys(query, call) {
      yield* ready().keys(query, call)
    },
    openTransactions: async call => ready().openTransactions(call),
    async close() {
      closing.abort()
      await making
      await source.close()
    },
  }
}
