import type { Source } from '../datasources/source.ts'
import type { Storage } from '../datasources/storage.ts'
import { MillraceError } from '../errors.ts'
import type { SystemRole, SystemStatus, Systems } from './systems.ts'

/** A system that takes longer to answer a ping counts as unreachable. */
const PING_DEADLINE_MILLIS = 2_000

export interface SystemsParts {
  source: Source
  storage: Storage
}

export function createSystems({ source, storage }: SystemsParts): Systems {
  return {
    statuses: () => Promise.all([statusOf('SOURCE', source), statusOf('STORAGE', storage)]),
    dataNodes: () => storage.dataNodes(),
    blockLocations: path => storage.blockLocations(path),
  }
}

async function statusOf(role: SystemRole, system: Source | Storage): Promise<SystemStatus> {
  const { kind, url } = system
  try {
    return { role, kind, url, reachable: true, detail: await pingWithin(system, PING_DEADLINE_MILLIS) }
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
function pingWithin(system: Source | Storage, deadlineMillis: number): Promise<string> {
  const signal = AbortSignal.timeout(deadlineMillis)
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () =>
      reject(new MillraceError('UNAVAILABLE', `No answer within ${deadlineMillis / 1000} seconds.`)),
    )
  })
  return Promise.race([system.ping({ signal }), late])
}
