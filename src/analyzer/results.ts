import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asError, MillraceError } from '../errors.ts'
import type { Measurement } from './measure.ts'

/** Where the results lie, as the original analyzer named them. */
export interface ResultFiles {
  csv: string
  png: string
  svg: string
}

export interface Results {
  /** Over those of an earlier run. */
  write(results: { csv: string; svg: string; png: Uint8Array }): Promise<ResultFiles>
}

/** Makes the folder where it is missing: before the measuring, which may take long. FORBIDDEN where that fails, or writing. */
export async function openResults(folder: string): Promise<Results> {
  await inFolder(() => mkdir(folder, { recursive: true }))

  async function inFolder<Result>(write: () => Promise<Result>): Promise<Result> {
    try {
      return await write()
    } catch (error) {
      throw new MillraceError('FORBIDDEN', `The results cannot be written to ${folder}: ${asError(error).message}.`, {
        hint: 'Name a folder that can be written with --out.',
        cause: error,
      })
    }
  }

  return {
    async write({ csv, svg, png }) {
      const files = {
        csv: join(folder, 'performance_results.csv'),
        png: join(folder, 'performance_analysis.png'),
        svg: join(folder, 'performance_analysis.svg'),
      }
      await inFolder(() =>
        Promise.all([writeFile(files.csv, csv), writeFile(files.png, png), writeFile(files.svg, svg)]),
      )
      return files
    },
  }
}

/** A row per measurement in the order measured, seconds with three decimals: "create,0.124". */
export function toCsv(measurements: readonly Measurement[]): string {
  const rows = measurements.map(({ operation, millis }) => `${operation},${(millis / 1_000).toFixed(3)}`)
  return `${['operation,time', ...rows].join('\n')}\n`
}
