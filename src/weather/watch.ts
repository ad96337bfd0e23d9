import type { Clock } from '../datasources/clock.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { expanded } from '../jobs/iterate.ts'
import { openBatchFile } from './files/openBatchFile.ts'
import { parquetBatchCodec } from './files/parquetBatchCodec.ts'
import { type NewFile, newFiles } from './newFiles.ts'
import { toWeatherBatch } from './queries/batches.ts'
import { checkRange } from './questions.ts'
import type { Temperature, Weather, WeatherBatch } from './weather.ts'

/** What Weather tells as it happens. Rows are read when their reader asks for them, so that a slow one holds one file of them at most. */
export function watchWeather(storage: Storage, clock: Clock): Pick<Weather, 'watchBatches' | 'watchTemperatures'> {
  const appearing = newFiles(storage, { clock })

  return {
    watchBatches: () => expanded(appearing.watch(), file => ifReadable(() => batchIn(storage, file))),
    watchTemperatures(stationId) {
      checkRange({ stationId })
      return expanded(appearing.watch(), ({ status }) => ifReadable(() => rowsIn(storage, status, stationId)))
    },
  }
}

/** A file that cannot be read, or was merged away already, is left out: those who watch are told of the next. */
async function ifReadable<T>(read: () => Promise<T[]>): Promise<T[]> {
  try {
    return await read()
  } catch {
    return []
  }
}

async function batchIn(storage: Storage, file: NewFile): Promise<WeatherBatch[]> {
  const read = await parquetBatchCodec.readMeta(storage, file.status)
  return 'meta' in read ? [toWeatherBatch({ ...file, meta: read.meta, parts: [] })] : []
}

async function rowsIn(storage: Storage, status: FileStatus, stationId: string | undefined): Promise<Temperature[]> {
  const file = await openBatchFile(storage, status)
  const rows: Temperature[] = []
  for (const part of file.parts) {
    const { stations, dates, degrees } = await file.columns(part)
    for (const [row, station] of stations.ids.entries()) {
      const name = stations.words[station]!
      if (stationId !== undefined && name !== stationId) continue
      rows.push({ stationId: name, date: dates.words[dates.ids[row]!]!, degrees: degrees[row]! })
    }
  }
  return rows
}
