import type { Measurement, Operation } from '../../src/analyzer/measure.ts'

/** Each county in each of three repeats, at `millis`, twice that and three times that. */
export function measurementsOf(counties: readonly number[], millis: Partial<Record<Operation, number>>): Measurement[] {
  return [1, 2, 3].flatMap(repeat =>
    (Object.entries(millis) as [Operation, number][]).flatMap(([operation, once]) =>
      counties.map(county => ({ operation, county, repeat, millis: once * repeat })),
    ),
  )
}
