import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openResults, toCsv } from '../../src/analyzer/results.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-results-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('the CSV has the header of the original, and seconds with three decimals', () => {
  const of = (operation: 'create' | 'reuse', millis: number) => ({ operation, county: 55001, repeat: 1, millis })
  expect(toCsv([of('create', 1234.5678), of('reuse', 8.4), of('reuse', 0.4)])).toBe(
    'operation,time\ncreate,1.235\nreuse,0.008\nreuse,0.000\n',
  )
})

test('results are written into a folder that is made, over those of an earlier run', async () => {
  const results = await openResults(join(folder, 'new', 'outputs'))
  await results.write({ csv: 'a longer one', svg: 'old', png: Uint8Array.of(1, 2, 3) })
  const { csv, svg, png } = await results.write({ csv: 'csv', svg: 'svg', png: Uint8Array.of(4) })
  expect(csv).toBe(join(folder, 'new', 'outputs', 'performance_results.csv'))
  expect(await readFile(csv, 'utf8')).toBe('csv')
  expect(await readFile(svg, 'utf8')).toBe('svg')
  expect([...(await readFile(png))]).toEqual([4])
})

test('a folder that cannot be made is told before anything is measured', async () => {
  await writeFile(join(folder, 'file'), '')
  await expect(openResults(join(folder, 'file', 'outputs'))).rejects.toMatchObject({
    code: 'FORBIDDEN',
    message: expect.stringContaining(`The results cannot be written to ${join(folder, 'file', 'outputs')}`) as string,
    hint: 'Name a folder that can be written with --out.',
  })
})
