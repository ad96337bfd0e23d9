import type { Log } from '../datasources/log.ts'
import type { Storage } from '../datasources/storage.ts'
import { parquetBatchCodec } from './files/parquetBatchCodec.ts'
import type { WeatherSettings } from './settings.ts'
import { createSink } from './sink/createSink.ts'
import { decodeRecord } from './sink/decodeRecord.ts'
import type { Sink, SinkOptions } from './sink/sink.ts'

export interface OpenSinkOptions {
  log: Log
  storage: Storage
  settings: WeatherSettings
  partition: number
  onBatch: NonNullable<SinkOptions['onBatch']>
}

/** The sink of one partition of weather: Reports to Parquet. */
export function openSink({ log, storage, settings, partition, onBatch }: OpenSinkOptions): Sink {
  const { topic, batchRows, batchBytes, batchAgeSeconds } = settings
  return createSink({
    partition,
    topic,
    storage,
    log,
    codec: parquetBatchCodec,
    decode: decodeRecord,
    settings: { batchRows, batchBytes, batchAgeMillis: batchAgeSeconds * 1_000 },
    onBatch,
  })
}
