import { type Figures, type LoansDatabase, raiseLoans, trueFigures } from '../setup/wisconsinLoans.ts'

/** What answers may say at a moment: the figures of the last migration, and while one runs also those of the next. */
export interface Truth {
  /** Of now. A question may be answered by any that was allowed from its beginning to its end. */
  allowed(): readonly Figures[]
  /** Changes the source, and runs a migration of it that resolves to whether it succeeded. */
  migrate(run: () => Promise<boolean>): Promise<void>
}

/** Few enough migrations that no loan grows out of the filter's range. */
const RAISE = 1

export async function startTruth(database: LoansDatabase): Promise<Truth> {
  let allowed = [await trueFigures(database)]
  return {
    allowed: () => allowed,
    async migrate(run) {
      await raiseLoans(database, RAISE)
      const next = await trueFigures(database)
      allowed = [...allowed, next]
      // One whose answer was lost may have happened all the same: then both are allowed until the next.
      if (await run()) allowed = [next]
    },
  }
}
