import DataLoader from 'dataloader'
import type { Logger } from 'pino'
import { hasCode } from '../errors.ts'
import type { Job, Jobs } from '../jobs/job.ts'
import { parseCountyCode } from '../loans/countyCode.ts'
import type { CountyAverage, Loans } from '../loans/loans.ts'
import { replicasPerDataNode } from '../systems/replicas.ts'
import { parseStoragePath } from '../systems/storagePath.ts'
import type { Systems } from '../systems/systems.ts'
import { failureText, withHint } from './failureText.ts'

/** The domains that the service asks. */
export interface LenderDomains {
  loans: Pick<Loans, 'migrate' | 'averagesOf'>
  jobs: Pick<Jobs, 'list' | 'finished'>
  systems: Pick<Systems, 'blockLocations'>
}

/** The service of schema/lender.proto, in its messages; a field left out is empty. Never throws: what went wrong is in the answer. */
export interface Lender {
  readonly dbToHdfs: () => Promise<{ status: string }>
  readonly blockLocations: (request: { path: string }) => Promise<{ blockEntries: Record<string, number> } | Failure>
  readonly calcAvgLoan: (request: { countyCode: number }) => Promise<{ avgLoan: number; source: string } | Failure>
}

export interface Failure {
  error: string
}

export function createLender({ loans, jobs, systems }: LenderDomains, log: Pick<Logger, 'error'>): Lender {
  const averages = createAverageLoader(loans)

  async function migrate(): Promise<string> {
    const { state, message, hint } = await jobs.finished(startOrJoin().id)
    if (state === 'SUCCEEDED') return message ?? 'Done.'
    return failedStatus(withHint(message ?? `The migration ended as ${state}.`, hint))
  }

  /** The original copied for every caller, who heard when the copy was there: it is when the one under way has ended. */
  function startOrJoin(): Job {
    try {
      return loans.migrate()
    } catch (error) {
      const [underWay] = hasCode(error, 'CONFLICT') ? jobs.list({ kind: 'MIGRATE_LOANS', first: 1 }) : []
      if (underWay === undefined) throw error
      return underWay
    }
  }

  const asFailure = (error: unknown): Failure => ({ error: failureText(error, log) })

  return {
    async dbToHdfs() {
      return { status: await migrate().catch(error => failedStatus(failureText(error, log))) }
    },
    async blockLocations({ path }) {
      try {
        const { blocks } = await systems.blockLocations(parseStoragePath(path))
        const entries = replicasPerDataNode(blocks).map(({ dataNode, blocks }) => [dataNode, blocks] as const)
        return { blockEntries: Object.fromEntries(entries) }
      } catch (error) {
        return asFailure(error)
      }
    },
    async calcAvgLoan({ countyCode }) {
      try {
        const { averageLoan, source } = await averages.load(parseCountyCode(countyCode))
        return { avgLoan: averageLoan, source: source.toLowerCase() }
      } catch (error) {
        return asFailure(error)
      }
    },
  }
}

/** A status has no field beside it that would tell the two apart. */
function failedStatus(text: string): string {
  return `error: ${text}`
}

/** Calls that arrive in one turn of the event loop, from whatever clients, share one pass over the main file. Remembers nothing. */
function createAverageLoader(loans: Pick<Loans, 'averagesOf'>): DataLoader<number, CountyAverage> {
  return new DataLoader(codes => loans.averagesOf(codes), {
    cache: false,
    // Each call is an event of its own: a microtask, which is DataLoader's way, would run between two of them.
    batchScheduleFn: answerAll => setImmediate(answerAll),
  })
}
