import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import type { Log } from '../../src/datasources/log.ts'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'

/** An embedded log for the tests of one file, and the folder that it is in; both are there from before the first test until after the last. */
export function temporaryLog(): { readonly home: string; readonly log: Log } {
  let home: string
  let log: Log
  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'millrace-files-'))
    log = sqliteLog({ file: join(home, 'log.sqlite') })
  })
  afterAll(async () => {
    await log.close()
    await rm(home, { recursive: true })
  })
  return {
    get home() {
      return home
    },
    get log() {
      return log
    },
  }
}
