import { MillraceError } from '../errors.ts'
import { type Measurement, OPERATIONS, type Operation } from './measure.ts'
import { mean, type Summary, summarize } from './statistics.ts'

/** What measurements say; all times in milliseconds. Operations that were not seen are left out. */
export interface Analysis {
  /** Over all counties and repeats. */
  operations: ({ operation: Operation } & Summary)[]
  /** In the order measured. */
  counties: ({ county: number; operation: Operation } & Summary)[]
  /** Of the means that each repeat has over the counties. */
  averages: ({ operation: Operation } & Summary)[]
  /** Median of create over median of reuse. */
  speedUp: number
}

/** CONFLICT where create or reuse was never seen. */
export function analysisOf(measurements: readonly Measurement[]): Analysis {
  const seen = OPERATIONS.filter(operation => measurements.some(one => one.operation === operation))
  const of = (operation: Operation) => measurements.filter(one => one.operation === operation)
  const operations = seen.map(operation => ({ operation, ...summarize(millisOf(of(operation))) }))
  const medianOf = (operation: Operation) => operations.find(one => one.operation === operation)?.median
  const [create, reuse] = [medianOf('create'), medianOf('reuse')]
  if (create === undefined || reuse === undefined) {
    throw new MillraceError('CONFLICT', 'Expected each county to be created and then reused, but none was.', {
      hint: 'Does another client ask for the same counties? Try again without it.',
    })
  }
  return {
    operations,
    counties: seen.flatMap(operation =>
      [...Map.groupBy(of(operation), ({ county }) => county)].map(([county, its]) => ({
        county,
        operation,
        ...summarize(millisOf(its)),
      })),
    ),
    averages: seen.map(operation => ({
      operation,
      ...summarize([...Map.groupBy(of(operation), ({ repeat }) => repeat).values()].map(its => mean(millisOf(its)))),
    })),
    speedUp: create / reuse,
  }
}

function millisOf(measurements: readonly Measurement[]): number[] {
  return measurements.map(({ millis }) => millis)
}
