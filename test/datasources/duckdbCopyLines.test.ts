import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { duckdbEngine } from '../../src/datasources/duckdbEngine.ts'
import type { Engine } from '../../src/datasources/engine.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { copyText } from '../../src/datasources/postgres/copyText.ts'
import { createPublisher } from '../../src/datasources/publish.ts'
import type { RowStream } from '../../src/datasources/rowStream.ts'

const SPECIAL = String.raw`SELECT * FROM (VALUES
  (1, 'plain', 'x', DATE '2026-11-20', TIMESTAMP '2026-11-20 08:15:00.25', TIMESTAMPTZ '2026-11-20 08:15:00+02', 12.50, 0.5::DOUBLE, true, 'ab'::BLOB),
  (2, 'back\slash \N \t', 'tab' || chr(9) || 'line' || chr(10) || 'return' || chr(13), DATE '0001-01-01', NULL, NULL, -0.01, '-inf'::DOUBLE, false, '\x00\xFF'::BLOB),
  (9007199254740993, '', '札幌 🙂 "quoted", it''s', NULL, TIMESTAMP '1969-12-31 23:59:59', NULL, NULL, NULL, NULL, ''::BLOB),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
) AS v(whole, one, other, day, moment, instant, amount, share, yes, bytes)`

let folder: string
let engine: Engine
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-copy-lines-'))
  const storage = localStorage({ folder: join(folder, 'storage') })
  const publisher = createPublisher(storage, 'test')
  engine = duckdbEngine({ storage, directory: join(folder, 'storage'), publisher, workFolder: join(folder, 'work') })
})
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

/** The lines of COPY, as DuckDB makes them and as they are made of rows. */
async function both(sql: string): Promise<[fast: string[], slow: string[]]> {
  const session = await engine.open()
  const stream = await session.query(sql)
  const inRows: RowStream = { columns: stream.columns, rows: call => stream.rows(call) }
  const lines = [await linesOf(await session.query(sql)), await linesOf(inRows)]
  await session.close()
  return lines as [string[], string[]]
}

async function linesOf(rows: RowStream): Promise<string[]> {
  const chunks: Uint8Array[] = []
  let told = 0
  for await (const chunk of copyText(rows, { onRows: count => (told = count) })) chunks.push(chunk)
  const lines = Buffer.concat(chunks).toString().split('\n')
  expect(lines.pop()).toBe('')
  expect(told).toBe(lines.length)
  return lines.sort()
}

test('lines that DuckDB makes for COPY are those that are made of rows, whatever is in them', async () => {
  const [fast, slow] = await both(SPECIAL)
  expect(fast.map(line => line.replace('-inf', '-Infinity'))).toEqual(slow)
  expect(fast.join('\n')).toContain(String.raw`back\\slash \\N \\t${'\t'}tab\tline\nreturn\r`)
})

test.each([0, 1, 4_096, 4_097, 122_881, 250_000])('%i rows are as many lines', async rows => {
  const [fast, slow] = await both(`SELECT range AS id, 'x' || range AS text FROM range(${rows})`)
  expect(fast).toHaveLength(rows)
  expect(fast).toEqual(slow)
})

test('rows that are long come in smaller parts, as many lines', async () => {
  const [fast, slow] = await both(`SELECT range AS id, repeat('x', 2000) || range AS text FROM range(13000)`)
  expect(fast).toEqual(slow)
})

test('a reader that stops early leaves nothing that goes on', async () => {
  const session = await engine.open()
  const stream = await session.query('SELECT range AS id FROM range(1000000)')
  for await (const { rows } of stream.copyLines!()) {
    expect(rows).toBe(64)
    break
  }
  await session.close()
})

test('a NUL character, which PostgreSQL cannot keep, is refused', async () => {
  await expect(both(`SELECT 'a' || chr(0) || 'b' AS text`)).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    message: expect.stringContaining('NUL'),
  })
})
