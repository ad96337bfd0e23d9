import { codeOf } from '../../errors.ts'
import type { JobControl } from '../../jobs/job.ts'
import type { Step } from '../warehouse.ts'
import type { RunHistory } from './runHistory.ts'

/** What a step tells of itself when it is done. */
export interface StepOutcome {
  rows: number | null
  message: string | null
}

/** Does the steps of a run one after the other, and keeps the history of each. */
export interface Steps {
  /** Does a step; its failure is kept and thrown. */
  step<Outcome extends StepOutcome>(name: string, work: () => Promise<Outcome>): Promise<Outcome>
}

export function runSteps(
  date: string,
  total: number,
  { history, control, clock }: { history: RunHistory; control: JobControl; clock: () => number },
): Steps {
  let done = 0
  return {
    async step(name, work) {
      control.say(`${date}: ${name}`)
      control.report({ done, total, unit: 'steps' })
      const startedAt = clock()
      const save = (changes: Partial<Step> & Pick<Step, 'state'>) => {
        const elapsedMillis = clock() - startedAt
        history.saveStep(date, { name, rows: null, message: null, elapsedMillis, ...changes })
      }
      save({ state: 'RUNNING' })
      try {
        control.signal.throwIfAborted()
        const outcome = await work()
        save({ state: 'SUCCEEDED', rows: outcome.rows, message: outcome.message })
        done += 1
        control.report({ done, total, unit: 'steps' })
        return outcome
      } catch (error) {
        const state = control.signal.aborted ? 'CANCELLED' : 'FAILED'
        save({ state, message: shownReason(error) })
        throw error
      }
    },
  }
}

/** Unforeseen errors are for the log. */
function shownReason(error: unknown): string {
  return codeOf(error) === 'INTERNAL'
    ? 'It failed for a reason that Millrace did not foresee.'
    : (error as Error).message
}
