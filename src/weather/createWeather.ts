import { MillraceError } from '../errors.ts'
import type { Weather } from './weather.ts'

export function createWeather(): Weather {
  return {
    start: notYet,
    stop: notYet,
    compact: notYet,
    partitions: notYet,
    batchFiles: notYet,
    temperatures: notYet,
    windows: notYet,
    verify: notYet,
    watchBatches: notYet,
    watchTemperatures: notYet,
  }
}

function notYet(): never {
  throw new MillraceError('UNAVAILABLE', 'The weather is being built.')
}
