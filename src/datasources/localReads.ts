import type { Engine, EngineSession } from './engine.ts'

/** Of Parquet. It is copied to this machine, and unpacked there: some ten times as much, partly on disk. */
const MOST_BYTES = 512 * 1024 * 1024

/**
 * A cluster's engine that leaves it to an embedded one to read what was written, up to `mostBytes` at a time. Rows that have to come here anyway
 * cost a third so: the cluster would unpack them, pack them for the way and hand them through its driver.
 */
export function withLocalReads(cluster: Engine, local: Engine, mostBytes = MOST_BYTES): Engine {
  const within = (session: EngineSession, own: EngineSession): EngineSession => ({
    ...session,
    read(files, call) {
      const bytes = files.reduce((sum, { length }) => sum + length, 0)
      return bytes <= mostBytes ? own.read(files, call) : session.read(files, call)
    },
    async close() {
      await Promise.all([session.close(), own.close()])
    },
  })
  return {
    ...cluster,
    async open(call) {
      const own = await local.open(call)
      try {
        return within(await cluster.open(call), own)
      } catch (error) {
        await own.close()
        throw error
      }
    },
    async close() {
      await Promise.all([cluster.close(), local.close()])
    },
  }
}
