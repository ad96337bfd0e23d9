import { z } from 'zod'
import type { Call } from '../../datasources/call.ts'
import { jsonBytes, readJson } from '../../datasources/jsonFile.ts'
import type { ExclusivePublisher } from '../../datasources/publish.ts'
import type { FileLayout, Storage } from '../../datasources/storage.ts'
import { nameOf } from '../../datasources/storagePath.ts'
import { hasCode, MillraceError } from '../../errors.ts'

export const PLAN_FOLDER = '/checkpoints/compaction'

/** Which batches of a partition become one file next: decided once for each number, by whoever comes first. */
export interface Plan {
  number: number
  firstBatch: number
  lastBatch: number
}

export interface PlanStore {
  /** The one that counts; undefined before the first. */
  latest(call: Call): Promise<Plan | undefined>
  /**
   * Decides on the batches after `latest`, which must be done by then. False where somebody else has decided already, however long ago: then nothing
   * may come of this decision.
   */
  decide(latest: Plan | undefined, range: Omit<Plan, 'number'>, call: Call): Promise<boolean>
  /** Forgets all but the last ones. */
  tidy(latest: Plan, call: Call): Promise<void>
}

/**
 * One alone would do; but a folder is not always listed in one moment, and a number that is seen to be gone must not make an older one count.
 */
const KEPT = 3

const NAME = /^partition-(0|[1-9]\d{0,8})-plan-([1-9]\d{0,14})\.json$/

const planSchema = z.object({
  firstBatch: z.number().int().nonnegative(),
  lastBatch: z.number().int().nonnegative(),
})

export interface PlanStoreOptions {
  partition: number
  storage: Storage
  publisher: ExclusivePublisher
  layout: FileLayout
}

/**
 * Plans are numbered, and a number is given once, since its file never replaces another. So merged files of a partition lie inside each
 * other or apart, whatever processes merge, however late: a plan is made from the files that are visible when the one before it is done.
 * Of files that overlap each could be taken for the one that replaces the rest, and what one process sweeps is what another one needs.
 *
 * The highest number counts. A decision that was late, under a number that was forgotten meanwhile, is seen by its maker not to count.
 */
export function planStore({ partition, storage, publisher, layout }: PlanStoreOptions): PlanStore {
  const pathOf = (number: number) => `${PLAN_FOLDER}/partition-${partition}-plan-${number}.json`

  /** Ascending. */
  async function numbers(call: Call): Promise<number[]> {
    return (await storage.list(PLAN_FOLDER, call))
      .flatMap(({ path }) => {
        const match = NAME.exec(nameOf(path))
        return match && Number(match[1]) === partition ? [Number(match[2])] : []
      })
      .sort((a, b) => a - b)
  }

  return {
    async latest(call) {
      const number = (await numbers(call)).at(-1)
      if (number === undefined) return undefined
      const range = await readJson(storage, pathOf(number), planSchema, call)
      if (range) return { number, ...range }
      throw new MillraceError('DATA_LOST', `Expected to read ${pathOf(number)}, which says what is being merged.`, {
        hint: 'Start the DataNodes that have it; files of this partition are not merged until then.',
      })
    },

    async decide(latest, range, call) {
      const number = (latest?.number ?? 0) + 1
      try {
        await publisher.publishNew(pathOf(number), () => [jsonBytes({ partition, ...range })], layout, { call })
      } catch (error) {
        if (hasCode(error, 'CONFLICT')) return false
        throw error
      }
      return (await numbers(call)).at(-1) === number
    },

    async tidy(latest, call) {
      for (const number of await numbers(call)) {
        if (number <= latest.number - KEPT) await storage.remove(pathOf(number), call)
      }
    },
  }
}
