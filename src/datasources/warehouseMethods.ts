import type { Call } from './call.ts'
import type { RowStream } from './rowStream.ts'
import type { Stage, Warehouse, WarehouseCall } from './warehouse.ts'
import { beginStage, endStage, loadsOf, removeStage, resultRows, resultTables, stagesOf } from './warehouseCatalog.ts'
import { checkStage } from './warehouseChecks.ts'
import { expectJob, expectStage, expectStageColumns } from './warehouseNames.ts'
import type { WarehouseDialect, WarehouseSession } from './warehouseSession.ts'

/** A database that a warehouse is kept in. */
export interface WarehouseDatabase<Connection> {
  dialect: WarehouseDialect
  /** Runs `use` on a connection of its own, in a database that has the tables of the load log. */
  readonly withSession: <T>(
    call: Call,
    use: (session: WarehouseSession, connection: Connection) => Promise<T>,
  ) => Promise<T>
  /** Makes the table of a stage, which is not there, and fills it; returns how many rows it took. */
  readonly fill: (filling: Filling<Connection>) => Promise<number>
}

export interface Filling<Connection> {
  session: WarehouseSession
  connection: Connection
  stage: Stage
  rows: RowStream
  call: WarehouseCall
}

type Shared = 'stage' | 'check' | 'loads' | 'tables' | 'rows' | 'stages' | 'dropStages'

/** What every keeper of the warehouse port does alike. */
export function warehouseMethods<Connection>({
  dialect,
  withSession,
  fill,
}: WarehouseDatabase<Connection>): Pick<Warehouse, Shared> {
  return {
    stage: (stage, rows, call = {}) =>
      withSession(call, async (session, connection) => {
        expectStage(stage)
        expectStageColumns(rows.columns)
        await beginStage(session, dialect, stage)
        const count = await fill({ session, connection, stage, rows, call })
        await endStage(session, stage, count)
        return count
      }),
    check: (stage, checks, call = {}) => withSession(call, session => checkStage(session, dialect, stage, checks)),
    loads: (filter, call = {}) => withSession(call, session => loadsOf(session, filter)),
    tables: (call = {}) => withSession(call, session => resultTables(session, dialect)),
    rows: (table, options, call = {}) => withSession(call, session => resultRows(session, dialect, table, options)),
    stages: (call = {}) =>
      withSession(call, async session => (await stagesOf(session)).map(({ job, table }) => ({ job, table }))),
    dropStages: (job, call = {}) =>
      withSession(call, async session => {
        expectJob(job)
        for (const stage of await stagesOf(session, job)) await removeStage(session, dialect, stage)
      }),
  }
}
