import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { ColumnType, Row, SourceColumn } from '../../src/datasources/source.ts'
import { cutRange } from '../../src/parquet/cutRange.ts'
import { createEncoder, type Encoder } from '../../src/parquet/encoder.ts'
import { keyValues, parseFooter } from '../../src/parquet/footer.ts'
import { type GroupedFileWriter, groupedFileWriter } from '../../src/parquet/groupedFileWriter.ts'
import type { GroupedFile } from '../../src/parquet/groupSpool.ts'

let folder: string
let encoder: Encoder
let writers: GroupedFileWriter[]
beforeEach(() => {
  writers = []
})
afterEach(() => Promise.all(writers.map(writer => writer.dispose())))
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-parquet-'))
  encoder = createEncoder({ threads: 1 })
})
afterAll(async () => {
  await encoder.close()
  await rm(folder, { recursive: true })
})

const COLUMNS: SourceColumn[] = [
  { name: 'key', type: { kind: 'integer', bits: 32, signed: true } },
  { name: '2021', type: { kind: 'integer', bits: 64, signed: true } },
  { name: 'un-signed', type: { kind: 'integer', bits: 64, signed: false } },
  { name: 'tiny', type: { kind: 'integer', bits: 8, signed: true } },
  { name: 'small', type: { kind: 'integer', bits: 16, signed: false } },
  { name: 'price "net"', type: { kind: 'decimal', precision: 38, scale: 10 } },
  { name: 'real', type: { kind: 'float', bits: 32 } },
  { name: 'double', type: { kind: 'float', bits: 64 } },
  { name: 'yes', type: { kind: 'boolean' } },
  { name: 'day', type: { kind: 'date' } },
  { name: 'at', type: { kind: 'timestamp', utc: false } },
  { name: 'at utc', type: { kind: 'timestamp', utc: true } },
  { name: 'text', type: { kind: 'text' } },
  { name: 'blob', type: { kind: 'binary' } },
  { name: 'amount', type: { kind: 'float', bits: 64 } },
]

/** Values as a source gives them, with the text that DuckDB casts them to. */
function arbitraryValue(type: ColumnType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'integer': {
      const [min, max] = type.signed
        ? [-(2n ** BigInt(type.bits - 1)), 2n ** BigInt(type.bits - 1) - 1n]
        : [0n, 2n ** BigInt(type.bits) - 1n]
      const whole = fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n))
      return whole.chain((value): fc.Arbitrary<unknown> => {
        const isSafe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
        return isSafe ? fc.constant(Number(value)) : fc.constantFrom(value, String(value))
      })
    }
    case 'decimal':
      return fc
        .bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n })
        .map(unscaled => decimalText(unscaled, type.scale))
    case 'float':
      return type.bits === 32 ? fc.float({ noNaN: true }) : fc.double({ noNaN: true })
    case 'boolean':
      return fc.boolean()
    case 'date':
      return fc
        .integer({ min: -365_000, max: 2_932_896 })
        .map(days => new Date(days * 86_400_000).toISOString().slice(0, 10))
    case 'timestamp':
      return fc
        .tuple(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), fc.integer({ min: 0, max: 999_999 }))
        .map(([seconds, micros]) => {
          const text = new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
          return micros === 0 ? text : `${text}.${String(micros).padStart(6, '0')}`
        })
    case 'text':
      return fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', 'Exempt', 'NA'))
    case 'binary':
      return fc.uint8Array({ maxLength: 40 })
  }
}

const arbitraryRow: fc.Arbitrary<Row> = fc.tuple(
  ...COLUMNS.map(({ name, type }) => {
    if (name === 'key') return fc.option(fc.integer({ min: 1, max: 5 }))
    const value = arbitraryValue(type)
    return name === 'amount' ? value : fc.option(value)
  }),
)

test('10,000 random rows of every type come back equal, in a file of another reader, and again in every part cut from it', async () => {
  const rows = fc.sample(arbitraryRow, { numRuns: 10_000, seed: 544 })
  const file = await write(rows, 1 << 20)
  const bytes = await bytesOf(file)
  const layout = await file.layout()

  expect(bytes.length).toBe(layout.length)
  expect(layout.rows).toBe(rows.length)
  expect(layout.entries.map(({ key }) => key)).toEqual([1, 2, 3, 4, 5, null])
  expect(layout.entries.some(({ groups }) => groups > 1)).toBe(true)
  expect(await readByDuckDb(bytes)).toEqual(expected(rows))

  const footer = parseFooter(bytes)
  for (const entry of layout.entries) {
    const range = bytes.subarray(entry.offset, entry.offset + entry.length)
    expect(createHash('sha256').update(range).digest('hex')).toBe(entry.sha256)
    const cut = cutRange(footer, entry, range, new Map([['made.by', 'a test']]))
    const part = Buffer.concat(cut.parts)
    expect(part.length).toBe(cut.length)
    expect(keyValues(parseFooter(part)).get('made.by')).toBe('a test')
    expect(await readByDuckDb(part)).toEqual(expected(rows.filter(row => row[0] === entry.key)))
  }
})

test('no rows make a whole file with all columns', async () => {
  const file = await write([], 1 << 20)
  const bytes = await bytesOf(file)
  expect((await file.layout()).entries).toEqual([])
  expect(await readByDuckDb(bytes)).toEqual([])
})

test('dates that no calendar has become NULL and are counted', async () => {
  const row = COLUMNS.map(({ name }) =>
    name === 'day' ? '0000-00-00' : name === 'at' ? '2021-02-30 00:00:00' : name === 'amount' ? 1 : null,
  )
  const { writer, file } = await writeAll([row], 1 << 20)
  expect(writer.impossibleValues()).toBe(2)
  expect(await readByDuckDb(await bytesOf(file))).toEqual(
    expected([row.map(value => (typeof value === 'string' ? null : value))]),
  )
})

test('the file is given out from its start while its last rows are being encoded, and the same again', async () => {
  const rows = fc.sample(arbitraryRow, { numRuns: 2_000, seed: 545 })
  const steps = Array.from({ length: 6 }, () => Promise.withResolvers<void>())
  const given: (number | null)[] = []
  const stepwise: Encoder = {
    ...encoder,
    async *encode(task, signal) {
      for await (const group of encoder.encode(task, signal)) {
        given.push(group.key)
        yield group
        await steps[given.length - 1]!.promise
      }
    },
  }
  const file = await write(rows, 64 << 20, stepwise)
  const content = file.content()[Symbol.asyncIterator]()
  expect((await content.next()).value).toEqual(new TextEncoder().encode('PAR1'))
  const first = content.next()
  await vi.waitUntil(() => given.length === 1)
  steps[0]!.resolve()
  const firstPiece = (await first).value as Uint8Array
  expect(given).toEqual([1, 2])
  for (const { resolve } of steps) resolve()
  const bytes = await bytesOf(file)
  expect(given).toEqual([1, 2, 3, 4, 5, null])
  expect(bytes.subarray(4, 4 + firstPiece.length).equals(firstPiece)).toBe(true)
  expect(await readByDuckDb(bytes)).toEqual(expected(rows))
  expect((await bytesOf(file)).equals(bytes)).toBe(true)
})

test('a failure of the encoder reaches who reads the file, also who reads it again', async () => {
  const failing: Encoder = {
    ...encoder,
    async *encode(task, signal) {
      for await (const group of encoder.encode(task, signal)) {
        if (group.key === 3) throw new Error('no more memory')
        yield group
      }
    },
  }
  const file = await write(fc.sample(arbitraryRow, { numRuns: 1_000, seed: 546 }), 64 << 20, failing)
  await expect(bytesOf(file)).rejects.toThrow('no more memory')
  await expect(bytesOf(file)).rejects.toThrow('no more memory')
  await expect(file.layout()).rejects.toThrow('no more memory')
})

test('a task that cannot be done, and one whose thread is ended, are failures', async () => {
  const task = { columns: COLUMNS, packed: [], keys: new Float64Array(1), statistics: [], mostRows: 1 }
  await expect(encoder.encode(task)[Symbol.asyncIterator]().next()).rejects.toThrow(TypeError)

  const cancelling = new AbortController()
  const columns = COLUMNS.slice(0, 1)
  const packed = [{ values: new Uint8Array(4_000_000), rows: 1_000_000, nulls: 0 }]
  const keys = Float64Array.from({ length: 1_000_000 }, (_, row) => row)
  const groups = encoder.encode({ ...task, columns, packed, keys }, cancelling.signal)[Symbol.asyncIterator]()
  expect((await groups.next()).value).toMatchObject({ key: 0 })
  cancelling.abort()
  await expect(async () => {
    while (!(await groups.next()).done);
  }).rejects.toThrow('aborted')
})

async function write(rows: readonly Row[], budgetBytes: number, by = encoder): Promise<GroupedFile> {
  return (await writeAll(rows, budgetBytes, by)).file
}

async function writeAll(rows: readonly Row[], budgetBytes: number, by = encoder) {
  const writer = await groupedFileWriter({
    columns: COLUMNS,
    keyOf: value => value as number | null,
    keyColumn: 0,
    tailColumns: ['amount'],
    encoder: by,
    spoolPath: join(folder, `${Math.random()}.spool`),
    budgetBytes,
    signal: new AbortController().signal,
  })
  writers.push(writer)
  for (let at = 0; at < rows.length; at += 512) await writer.append(rows.slice(at, at + 512))
  return { writer, file: await writer.finish(() => new Map()) }
}

async function bytesOf(file: GroupedFile): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of file.content()) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Every row as one line of text, sorted: the order of rows is nobody's promise. */
async function readByDuckDb(bytes: Uint8Array): Promise<string[]> {
  const path = join(folder, `${Math.random()}.parquet`)
  await writeFile(path, bytes)
  const duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  const values = COLUMNS.map(({ name, type }) => {
    const column = `"${name.replaceAll('"', '""')}"`
    return type.kind === 'binary' ? `hex(${column})` : type.kind === 'text' ? column : `CAST(${column} AS VARCHAR)`
  })
  const reader = await duckdb.runAndReadAll(`SELECT ${values.join(', ')} FROM read_parquet('${path}')`)
  duckdb.closeSync()
  return reader
    .getRows()
    .map(row => JSON.stringify(row.map((value, index) => normal(value, COLUMNS[index]!.type))))
    .sort()
}

function expected(rows: readonly Row[]): string[] {
  const texts = rows.map(row => row.map((value, index) => normal(value, COLUMNS[index]!.type)))
  return texts.map(row => JSON.stringify(row)).sort()
}

/** One text per value, whichever side it comes from. */
function normal(value: unknown, type: ColumnType): string | null {
  if (value === null || value === undefined) return null
  if (type.kind === 'float') {
    const number = type.bits === 32 ? Math.fround(floatOf(value)) : floatOf(value)
    return Object.is(number, -0) ? '-0' : String(number)
  }
  if (type.kind === 'binary')
    return typeof value === 'string'
      ? value
      : Buffer.from(value as Uint8Array)
          .toString('hex')
          .toUpperCase()
  const text = String(value as string | number | bigint | boolean)
  if (type.kind !== 'timestamp') return text
  return text.replace(/\+00$/, '').replace(/\.(\d*?)0+$/, (_, digits) => (digits ? `.${digits}` : ''))
}

function floatOf(value: unknown): number {
  if (value === 'inf') return Number.POSITIVE_INFINITY
  return value === '-inf' ? Number.NEGATIVE_INFINITY : Number(value)
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
