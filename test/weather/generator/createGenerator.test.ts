import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/datasources/clock.ts'
import { duckdbSource } from '../../../src/datasources/duckdbSource.ts'
import type { Row, Source } from '../../../src/datasources/source.ts'
import { MillraceError } from '../../../src/errors.ts'
import { createGenerator } from '../../../src/weather/generator/createGenerator.ts'
import type { GeneratorSettings } from '../../../src/weather/generator/generator.ts'
import { dateOf, STATIONS, stationDays } from '../../../src/weather/generator/stationDays.ts'
import { TEMPERATURES } from '../../../src/weather/temperaturesTable.ts'

let folder: string
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-generator-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const forever = new AbortController().signal

async function withSource<T>(use: (source: Source) => Promise<T>): Promise<T> {
  const source = duckdbSource({ file: join(folder, `${++files}.duckdb`) })
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}

const generate = (source: Source, settings: Partial<GeneratorSettings>) =>
  createGenerator({ source, settings: { delayMillis: 0, ...settings } }).run(forever)

/** [id, station_id, date, degrees] */
async function rowsIn(source: Source): Promise<Row[]> {
  const columns = await source.columns(TEMPERATURES.name)
  return await source.rowsByKey({ table: TEMPERATURES.name, key: 'id', columns, limit: 1_000_000 })
}

function expectedRows(days: number): Row[] {
  const all = stationDays()
  const rows: Row[] = []
  for (let day = 0; day < days; day++) {
    for (const { stationId, date, degrees } of all.reports(day)) rows.push([rows.length + 1, stationId, date, degrees])
  }
  all.close()
  return rows
}

test('a month is ten rows a day, from StationA on 2000-01-01 to StationJ on 2000-01-31', async () => {
  await withSource(async source => {
    await generate(source, { days: 31 })
    const rows = await rowsIn(source)
    expect(rows[0]).toEqual([1, 'StationA', '2000-01-01', 23.851454295532143])
    expect(rows.at(-1)).toEqual([310, 'StationJ', '2000-01-31', 0])
    expect(rows).toEqual(expectedRows(31))
  })
})

test('thousands of days go fast, and are the same in the table', async () => {
  await withSource(async source => {
    await generate(source, { days: 2_000 })
    expect(await rowsIn(source)).toEqual(expectedRows(2_000))
  })
})

describe('goes on where the table ends', () => {
  test('after whole days', async () => {
    await withSource(async source => {
      await generate(source, { days: 3 })
      await generate(source, { days: 7 })
      await generate(source, { days: 7 })
      expect(await rowsIn(source)).toEqual(expectedRows(7))
    })
  })

  test.each([1, 4, 9])('after %i rows of a day', async rows => {
    await withSource(async source => {
      await source.createTable(TEMPERATURES)
      const some = expectedRows(3).slice(0, 20 + rows)
      await source.append(
        TEMPERATURES.name,
        TEMPERATURES.columns.map(column => column.name),
        some.map(row => row.slice(1)),
      )
      await generate(source, { days: 5 })
      expect(await rowsIn(source)).toEqual(expectedRows(5))
    })
  })

  test('also where others have added rows of their own', async () => {
    await withSource(async source => {
      await generate(source, { days: 2 })
      const others = Array.from({ length: 50 }, (_, index) => [`Elsewhere${index}`, '2030-01-01', 1])
      await source.append(
        TEMPERATURES.name,
        ['station_id', 'date', 'degrees'],
        [...others, ['StationA', '1999-01-01', 1]],
      )
      await generate(source, { days: 3 })
      const own = (await rowsIn(source)).filter(row => STATIONS.includes(String(row[1])) && row[2] !== '1999-01-01')
      expect(own.map(row => row.slice(1))).toEqual(expectedRows(3).map(row => row.slice(1)))
    })
  })
})

describe('a source that fails', () => {
  /** Fails the first appends, with or without having added the rows. */
  function failing(source: Source, added: readonly boolean[]): Source {
    let appends = 0
    return {
      ...source,
      async append(...appended) {
        const isAdded = added[appends++]
        if (isAdded !== false) await source.append(...appended)
        if (isAdded !== undefined) throw new MillraceError('UNAVAILABLE', 'the source is away')
      },
    }
  }

  test('is tried again, and no row is lost or doubled, whether the rows had come or not', async () => {
    await withSource(async source => {
      const settings = { days: 5, delayMillis: 1, firstPauseMillis: 1 }
      await generate(failing(source, [true, false, false, true]), settings)
      expect(await rowsIn(source)).toEqual(expectedRows(5))
    })
  })

  test('says so in the state meanwhile, and ends at once when told to', async () => {
    await withSource(async source => {
      const stop = new AbortController()
      const generator = createGenerator({
        source: {
          ...source,
          createTable: () => Promise.reject(new MillraceError('UNAVAILABLE', 'the source is away')),
        },
        clock: {
          ...systemClock,
          pause: async () => {
            expect(generator.state().trouble).toBe('the source is away')
            stop.abort()
          },
        },
      })
      await generator.run(stop.signal)
      expect(generator.state().rows).toBe(0)
    })
  })

  test('for a reason that does not pass is told', async () => {
    await withSource(async source => {
      const refusing = { ...source, append: () => Promise.reject(new MillraceError('FORBIDDEN', 'read-only')) }
      await expect(generate(refusing, { days: 1 })).rejects.toMatchObject({ code: 'FORBIDDEN' })
    })
  })
})

test('one day comes per delay, and days that a slow source has missed come together', async () => {
  await withSource(async source => {
    let now = 0
    const appended: number[] = []
    const stop = new AbortController()
    const generator = createGenerator({
      source: {
        ...source,
        async append(table, columns, rows, call) {
          appended.push(rows.length / 10)
          if (appended.length === 3) now += 450
          if (appended.length === 6) stop.abort()
          await source.append(table, columns, rows, call)
        },
      },
      settings: { delayMillis: 100 },
      clock: {
        ...systemClock,
        nowMillis: () => now,
        pause: async millis => {
          now += millis
        },
      },
    })
    await generator.run(stop.signal)
    expect(appended.slice(0, 5)).toEqual([1, 1, 1, 4, 1])
    expect(generator.state().lastDate).toBe(dateOf(7))
  })
})
