import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { embeddedInbox, embeddedReferenceTables } from '../src/embeddedCitizens.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-embedded-citizens-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('a day that nobody has left is made when it is read, and not before', async () => {
  const inbox = embeddedInbox({ folder })
  const path = 'dt=2026-11-20/citizens_data.csv'
  expect(await inbox.stat(path)).toEqual({ length: null })
  expect(await readdir(folder)).toEqual([])
  let bytes = 0
  for await (const chunk of inbox.read(path)) bytes += chunk.length
  expect(bytes).toBeGreaterThan(1_000_000)
  expect(await inbox.stat(path)).toEqual({ length: bytes })
})

test('what is no day is not made', async () => {
  await expect(embeddedInbox({ folder }).stat('other.csv')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('the tables of the sample are made once', async () => {
  const file = join(folder, 'data', 'reference.duckdb')
  for (const _ of ['made', 'found']) {
    const source = await embeddedReferenceTables({ file })
    expect((await source.columns('regions')).map(({ name }) => name)).toEqual(['region', 'region_name', 'country'])
    expect((await source.columns('occupations')).map(({ name }) => name)).toEqual(['occupation', 'title', 'sector'])
    await source.close()
  }
  expect(await readdir(join(folder, 'data'))).toEqual(['reference.duckdb'])
})
