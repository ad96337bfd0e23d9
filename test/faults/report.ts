import { appendFileSync } from 'node:fs'

/** How one case ended. */
export interface Outcome {
  /** What was disturbed, how, and what was being done: the row and the column of docs/faults.md. */
  table: 'links' | 'steps'
  row: string
  column: string
  /** "right", or the code of a typed error. */
  result: string
  seconds: number
}

/** Set by test/faults/run.ts, which makes docs/faults.md of it: a file of a JSON object a line. */
const REPORT_FILE = process.env.FAULT_REPORT

/** All cases, or the few of `npm test`. */
export const ALL_CASES = process.env.FAULT_CASES === 'all'

export function record(outcome: Outcome): void {
  if (REPORT_FILE !== undefined) appendFileSync(REPORT_FILE, `${JSON.stringify(outcome)}\n`)
}
