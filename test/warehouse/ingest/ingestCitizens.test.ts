import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { duckdbSource } from '../../../src/datasources/duckdbSource.ts'
import { folderInbox } from '../../../src/datasources/folderInbox.ts'
import { localStorage } from '../../../src/datasources/localStorage.ts'
import { createPublisher } from '../../../src/datasources/publish.ts'
import type { Storage } from '../../../src/datasources/storage.ts'
import type { JobControl } from '../../../src/jobs/job.ts'
import { createEncoder, type Encoder } from '../../../src/parquet/encoder.ts'
import { type IngestOptions, inboxPath, ingestCitizens } from '../../../src/warehouse/ingest/ingestCitizens.ts'
import { createCitizens } from '../../../src/warehouse/sample/createCitizens.ts'
import { duckdbReferenceTables } from '../../../src/warehouse/sample/referenceTables.ts'

const DAY = '2026-11-20'
const ROWS = 500

let folder: string
let encoder: Encoder
/** Called before a file of the storage is created or renamed. */
let before: (operation: string, path: string) => void
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-ingest-'))
  encoder = createEncoder({ threads: 1 })
  before = () => {}
  await mkdir(join(folder, 'work'))
  const instance = await DuckDBInstance.create(join(folder, 'source.duckdb'))
  const connection = await instance.connect()
  for (const statement of duckdbReferenceTables()) await connection.run(statement)
  connection.closeSync()
  instance.closeSync()
  await makeDay(DAY)
})
afterEach(async () => {
  await encoder.close()
  await rm(folder, { recursive: true })
})

const landing = (date: string) => join(folder, 'storage/landing/citizens', `dt=${date}`)
const inboxFile = (date: string) => join(folder, 'inbox', inboxPath(date))

async function makeDay(date: string, rows = ROWS): Promise<void> {
  await createCitizens({ file: inboxFile(date), date, rows })
}

async function changeDay(date: string, change: (text: string) => string): Promise<void> {
  await writeFile(inboxFile(date), change(await readFile(inboxFile(date), 'utf8')))
}

function watched(storage: Storage): Storage {
  return {
    ...storage,
    async create(path, ...rest) {
      before('create', path)
      await storage.create(path, ...rest)
    },
    async rename(from, to, call) {
      before('rename', to)
      await storage.rename(from, to, call)
    },
  }
}

async function ingest(
  date = DAY,
  {
    force = false,
    signal = new AbortController().signal,
    ...changes
  }: Partial<IngestOptions> & { force?: boolean; signal?: AbortSignal } = {},
) {
  const storage = watched(localStorage({ folder: join(folder, 'storage') }))
  const source = duckdbSource({ file: join(folder, 'source.duckdb') })
  const control: JobControl = { signal, report: () => {}, say: () => {} }
  try {
    return await ingestCitizens(
      {
        inbox: folderInbox({ folder: join(folder, 'inbox') }),
        storage,
        source,
        encoder,
        publisher: createPublisher(storage, 'test'),
        workFolder: join(folder, 'work'),
        sourceTables: ['regions', 'occupations'],
        mostBadRows: 0.01,
        sourceWaitMillis: 0,
        clock: () => Date.UTC(2026, 10, 21, 2),
        ...changes,
      },
      date,
      { force, compare: true },
      control,
    )
  } finally {
    await source.close()
  }
}

/** Every file that is landed, by name. */
async function landed(date = DAY): Promise<Record<string, string>> {
  const names: string[] = await readdir(landing(date)).catch(() => [])
  names.sort()
  return Object.fromEntries(
    await Promise.all(names.map(async name => [name, (await readFile(join(landing(date), name))).toString('base64')])),
  )
}

describe('a day that is ingested', () => {
  test('lies in the landing folder: the file as it was sent, what transforms read, and a manifest', async () => {
    const { manifest, changed } = await ingest()
    expect(changed).toBe(true)
    expect(Object.keys(await landed())).toEqual([
      'citizens.parquet',
      'citizens_data.csv',
      'manifest.json',
      'occupations.parquet',
      'regions.parquet',
    ])
    expect(await readFile(join(landing(DAY), 'citizens_data.csv'))).toEqual(await readFile(inboxFile(DAY)))
    expect(manifest).toMatchObject({
      date: DAY,
      landedAt: '2026-11-21T02:00:00.000Z',
      rows: ROWS,
      rejectedRows: 0,
      rejected: null,
      csv: { name: 'citizens_data.csv', rows: ROWS, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      views: { citizens: { rows: ROWS }, regions: { rows: 8 }, occupations: { rows: 12 } },
    })
    expect(await readdir(join(folder, 'work'))).toEqual([])
  })

  test('is left as it is when it is ingested again, also when the file is no longer in the inbox', async () => {
    await ingest()
    const first = await landed()
    before = (operation, path) => expect.fail(`${operation} ${path}`)
    expect(await ingest()).toMatchObject({ changed: false, manifest: { rows: ROWS } })
    await rm(inboxFile(DAY))
    expect(await ingest()).toMatchObject({ changed: false })
    expect(await landed()).toEqual(first)
  })

  test('is not replaced by another file, unless that is forced', async () => {
    await ingest()
    const first = await landed()
    await changeDay(DAY, text => text.replace('nurse', 'miner'))
    await expect(ingest()).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(
        /to be the one that is landed \(SHA-256 [0-9a-f]{12}\.\.\.\), but it is another one/,
      ),
      hint: expect.stringContaining('--force'),
    })
    expect(await landed()).toEqual(first)
    expect(await ingest(DAY, { force: true })).toMatchObject({ changed: true })
    expect(await readFile(join(landing(DAY), 'citizens_data.csv'))).toEqual(await readFile(inboxFile(DAY)))
  })

  test('is landed again where one of its files was lost', async () => {
    await ingest()
    const first = await landed()
    await rm(join(landing(DAY), 'regions.parquet'))
    expect(await ingest()).toMatchObject({ changed: true })
    expect(Object.keys(await landed())).toEqual(Object.keys(first))
  })

  test('keeps its bad rows aside, with line and reason', async () => {
    await changeDay(DAY, text => text.replace(/\n$/, '\n7,too short\n'))
    const { manifest } = await ingest()
    expect(manifest).toMatchObject({ rows: ROWS, rejectedRows: 1, csv: { rows: ROWS + 1 }, rejected: { rows: 1 } })
    const lines = (await readFile(inboxFile(DAY), 'utf8')).split('\n').length
    expect(JSON.parse(await readFile(join(landing(DAY), 'rejected.jsonl'), 'utf8'))).toEqual({
      line: lines - 1,
      reason: 'expected 11 fields, found fewer',
      row: '7,too short',
    })
  })
})

describe('a day that cannot be used', () => {
  const nothingLanded = async () => expect(await landed()).toEqual({})

  test('is one without a file: the error says where it was looked for', async () => {
    await expect(ingest('2026-11-25')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(inboxFile('2026-11-25')),
      hint: expect.stringContaining('millrace sample citizens --date 2026-11-25'),
    })
  })

  test.each([
    [
      'with more bad rows than are allowed',
      (text: string) => `${text}${'7,x\n'.repeat(6)}`,
      /at most 1 % bad rows .* 6 of 506 are bad: line \d+: expected 11 fields, found fewer; .*; \.\.\./,
    ],
    ['that was cut off', (text: string) => text.slice(0, -15), /ends in the middle of a line/],
    ['with another header', (text: string) => text.replace('city', 'town'), /without city, with "town"/],
    ['with no more than a header', (text: string) => text.slice(0, text.indexOf('\n') + 1), /it has only a header/],
    [
      'with every id twice',
      (text: string) => text + text.slice(text.indexOf('\n') + 1),
      /500 of 1,000 are bad: line \d+: citizen_id: \d+ has come before/,
    ],
  ])('is one %s', async (_, change, message) => {
    await changeDay(DAY, change)
    await expect(ingest()).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    })
    await nothingLanded()
    expect(await readdir(join(folder, 'work'))).toEqual([])
  })

  test('is one with far fewer citizens than the day before, unless that is forced', async () => {
    await makeDay('2026-11-19', 2 * ROWS + 1)
    await ingest('2026-11-19')
    await expect(ingest()).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: 'Expected about as many citizens on 2026-11-20 as the 1,001 of 2026-11-19, but there are only 500.',
    })
    await nothingLanded()
    expect(await ingest(DAY, { force: true })).toMatchObject({ changed: true })
  })

  test('is one whose source tables are not there', async () => {
    await expect(ingest(DAY, { sourceTables: ['regions', 'nowhere'] })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/table "nowhere".*"regions"/),
    })
    expect(await landed()).not.toHaveProperty('manifest.json')
  })
})

describe('ingesting', () => {
  test.each(['citizens_data.csv', 'citizens.parquet', 'regions.parquet', 'manifest.json'])(
    'that is stopped before %s stands is finished by the next one',
    async name => {
      before = (operation, path) => {
        if (operation === 'rename' && path.endsWith(name)) throw new Error('killed')
      }
      await expect(ingest()).rejects.toThrow('killed')
      expect(await landed()).not.toHaveProperty('manifest.json')
      before = () => {}
      expect(await ingest()).toMatchObject({ changed: true })
      expect(Object.keys(await landed())).toHaveLength(5)
      await ingest()
    },
  )

  test('ends with the reason of a signal and leaves no work behind', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    before = () => stop.abort(reason)
    await expect(ingest(DAY, { signal: stop.signal })).rejects.toBe(reason)
    expect(await readdir(join(folder, 'work'))).toEqual([])
    expect(await landed()).not.toHaveProperty('manifest.json')
  })
})
