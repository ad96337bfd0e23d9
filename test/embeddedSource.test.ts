import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, expect, test } from 'vitest'
import { embeddedSource } from '../src/embeddedSource.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-embedded-'))
const log = pino({ level: 'silent' })
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('while the sample is being made the source is unavailable and says how far it is; a close ends the making', async () => {
  const file = join(folder, 'made', 'source.duckdb')
  const source = embeddedSource({ file, log })
  const unavailable = {
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/^The sample is being made: \d+ % so far\.$/) as string,
  }
  await expect(source.ping()).rejects.toMatchObject(unavailable)
  await expect(source.columns('loans')).rejects.toMatchObject(unavailable)
  await source.close()
  expect(existsSync(file)).toBe(false)
})

test('a sample that cannot be made is tried again, and the reason is told', async () => {
  const source = embeddedSource({ file: '/dev/null/source.duckdb', log })
  await expect(source.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect
    .poll(() => source.ping().catch((error: Error) => error.message), { interval: 5 })
    .toMatch(/The last try failed: .*EEXIST/)
  await source.close()
})
