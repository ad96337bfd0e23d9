import { setTimeout as delay } from 'node:timers/promises'
import type { Cluster } from '../../harness/cluster.ts'
import type { Random } from './random.ts'

/** One DataNode after the other killed with -9 or stopped with SIGSTOP, and brought back; never two at a time, or the replicated file would be lost. */
export interface Chaos {
  /** What happened so far, in the order in which it did. */
  events: string[]
  /** Brings back what is away, and rejects where something of it failed. */
  stop(): Promise<void>
}

const DATA_NODES = ['datanode-1', 'datanode-2', 'datanode-3']
const QUIET_SECONDS = { least: 3, most: 12 }
/** Sometimes longer than the NameNode needs to give it up. */
const AWAY_SECONDS = { least: 3, most: 25 }

export function startChaos(cluster: Cluster, random: Random, say: (line: string) => void): Chaos {
  const ended = new AbortController()
  const events: string[] = []
  const startedAt = performance.now()
  const running = run()
  running.catch(() => {}) // told by stop()

  async function run(): Promise<void> {
    for (;;) {
      await wait(random.between(QUIET_SECONDS.least, QUIET_SECONDS.most))
      if (ended.signal.aborted) return
      const name = random.oneOf(DATA_NODES)
      const kill = random.next() < 0.5
      tell(`${name} ${kill ? 'killed with -9' : 'stopped with SIGSTOP'}`)
      await (kill ? cluster.kill(name) : cluster.hang(name))
      await wait(random.between(AWAY_SECONDS.least, AWAY_SECONDS.most))
      await (kill ? cluster.restart(name) : cluster.resume(name))
      await cluster.waitForLiveDataNodes(DATA_NODES.length)
      tell(`${name} back`)
    }
  }

  async function wait(seconds: number): Promise<void> {
    await delay(seconds * 1000, undefined, { signal: ended.signal }).catch(() => {})
  }

  function tell(what: string): void {
    const line = `${((performance.now() - startedAt) / 1000).toFixed(1)} s: ${what}`
    events.push(line)
    say(line)
  }

  return {
    events,
    async stop() {
      ended.abort()
      await running
    },
  }
}
