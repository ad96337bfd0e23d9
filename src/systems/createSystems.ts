import { abortable } from '../datasources/abortable.ts'
import type { Call } from '../datasources/call.ts'
import { createDeadline } from '../datasources/deadline.ts'
import type { Engine } from '../datasources/engine.ts'
import type { Log } from '../datasources/log.ts'
import type { Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import type { Warehouse } from '../datasources/warehouse.ts'
import { MillraceError } from '../errors.ts'
import { blocksOf } from './folderBlocks.ts'
import type { SystemRole, SystemStatus, Systems } from './systems.ts'

/** A system that takes longer to answer a ping counts as unreachable. */
const PING_DEADLINE_MILLIS = 2_000
/** Other questions are a few requests, each with a deadline of its own. */
export const ANSWER_DEADLINE_MILLIS = 10_000

export interface SystemsParts {
  source: Source
  storage: Storage
  log: Log
  engine: Engine
  warehouse: Warehouse
}

type System = Source | Storage | Log | Engine | Warehouse

export function createSystems({ source, storage, log, engine, warehouse }: SystemsParts): Systems {
  return {
    statuses: () =>
      Promise.all([
        statusOf('SOURCE', source),
        statusOf('STORAGE', storage),
        statusOf('LOG', log),
        statusOf('ENGINE', engine),
        statusOf('WAREHOUSE', warehouse),
      ]),
    dataNodes: () => within(ANSWER_DEADLINE_MILLIS, call => storage.dataNodes(call)),
    blockLocations: path => within(ANSWER_DEADLINE_MILLIS, call => blocksOf(storage, path, call)),
  }
}

async function statusOf(role: SystemRole, system: System): Promise<SystemStatus> {
  const { kind, url } = system
  try {
    return { role, kind, url, reachable: true, detail: await within(PING_DEADLINE_MILLIS, call => system.ping(call)) }
  } catch (error) {
    return {
      role,
      kind,
      url,
      reachable: false,
      detail: error instanceof MillraceError ? error.message : 'internal error',
    }
  }
}

/** Does not trust the keeper to heed the signal in time. */
async function within<Result>(deadlineMillis: number, ask: (call: Call) => Promise<Result>): Promise<Result> {
  using deadline = createDeadline(
    deadlineMillis,
    () =>
      new MillraceError('UNAVAILABLE', `No answer within ${deadlineMillis / 1000} seconds.`, {
        hint: 'Try again later.',
      }),
  )
  return await abortable(ask({ signal: deadline.signal }), deadline.signal)
}
