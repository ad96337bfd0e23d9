import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'

let dataDir: string

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-log-'))
})
afterAll(() => rm(dataDir, { recursive: true }))

async function logStatus(logUrl: string) {
  const config = readConfig({ MILLRACE_DATA_DIR: dataDir, MILLRACE_LOG_URL: logUrl })
  const app = await createApp(config, { log: pino({ level: 'silent' }) })
  try {
    return (await app.domains.systems.statuses()).find(({ role }) => role === 'LOG')
  } finally {
    await app.close()
  }
}

test('systems shows Kafka as the log, and that it answers', async () => {
  const url = inject('cluster').env.MILLRACE_LOG_URL!
  expect(await logStatus(url)).toEqual({ role: 'LOG', kind: 'kafka', url, reachable: true, detail: '1 broker' })
})

test('systems shows a Kafka that is not there as not reachable, without the password', async () => {
  const status = await logStatus('kafka://me:hunter2@127.0.0.1:9')
  expect(status).toMatchObject({ kind: 'kafka', url: 'kafka://127.0.0.1:9', reachable: false })
  expect(JSON.stringify(status)).not.toContain('hunter2')
})

test('systems shows the embedded log where no other is set', async () => {
  expect(await logStatus('')).toMatchObject({ kind: 'sqlite', url: `sqlite:${join(dataDir, 'log.sqlite')}` })
})
