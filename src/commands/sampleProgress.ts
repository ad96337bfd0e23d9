import { etaSeconds, nextRate, startRate } from '../jobs/estimate.ts'
import type { SampleProgress } from '../loans/sample/createSample.ts'
import type { ProgressDisplay } from './progressDisplay.ts'

/** Shows the making or loading of the sample, which is no job, as if it were one. */
export function showSampleProgress(display: ProgressDisplay, clock = Date.now): (progress: SampleProgress) => void {
  let rate = startRate(0, clock())
  return ({ done, total }) => {
    rate = nextRate(rate, done, clock())
    display.update({ done, total, unit: 'rows', bytes: 0, etaSeconds: etaSeconds(rate, done, total) }, null)
  }
}
