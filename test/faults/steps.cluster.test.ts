import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Reach, watchedSource, watchedStorage } from '../setup/crashingKeepers.ts'
import { ALL_CASES } from './report.ts'
import { runCase } from './runCase.ts'
import { type FaultSite, openFaultSite } from './site.ts'
import { type ActionName, ALL_STEP_CASES, type StepCase, someSteps } from './stepCases.ts'

/** A process of a system dies, hangs or is started again just as a server comes to a point of its work. */

/** Longer than a NameNode takes to be started and out of safe mode, on a machine that has more to do. */
const STORAGE_WAIT_SECONDS = 25

/** With all that is made ready before a case and looked at after it. */
const LONGEST = { timeout: 300_000 }

let site: FaultSite
const cases = ALL_CASES ? ALL_STEP_CASES : someSteps(ALL_STEP_CASES)

beforeAll(async () => {
  site = await openFaultSite({ storageWaitSeconds: STORAGE_WAIT_SECONDS })
})
afterAll(() => site?.close())

test.each(cases.map((one, index) => [titleOf(one), one, index] as const))('%s', LONGEST, async (_, one, index) => {
  const { system, action, work, point } = one
  const dataNode = `datanode-${1 + (index % 3)}`
  const daemon = { MySQL: 'mysql', NameNode: 'namenode', DataNode: dataNode }[system]
  let armed = false
  let times = 0
  let struck: { healed: () => Promise<void> } | undefined
  const reach: Reach = async moment => {
    if (!armed || moment !== point.moment || ++times !== point.time) return
    struck = await strike(daemon, action)
  }
  // A NameNode that comes back in time is waited for by a migration.
  const isWaitedFor = system === 'NameNode' && action === 'killed and started again' && work === 'migrate'
  await runCase(site, {
    operation: work,
    dataNode,
    server: {
      source: source => watchedSource(source, reach),
      storage: storage => watchedStorage(storage, reach),
    },
    disturb() {
      armed = true
    },
    async heal() {
      armed = false
      await struck?.healed()
    },
    // Two other DataNodes can do all that this one could.
    mustBeRight: system === 'DataNode' || isWaitedFor,
    outcome: {
      table: 'steps',
      row: `${work === 'migrate' ? 'migration' : 'averages'}: ${point.name}`,
      column: `${system} ${action}`,
    },
  })
  expect(struck, `expected the server to come to the point "${point.name}"`).toBeDefined()
})

/** Resolves when it has happened. `healed` lets the process run again and waits until it can be used. */
async function strike(daemon: string, action: ActionName): Promise<{ healed: () => Promise<void> }> {
  const { cluster } = site
  const startAgain = async () => {
    await cluster.restart(daemon)
    await cluster.waitForLiveDataNodes(3)
  }
  let healing: Promise<void> | undefined
  if (action === 'stopped with SIGSTOP') {
    await cluster.hang(daemon)
    return { healed: () => (healing ??= cluster.resume(daemon).then(() => cluster.waitForLiveDataNodes(3))) }
  }
  await cluster.kill(daemon)
  if (action === 'killed and started again') {
    healing = startAgain()
    healing.catch(() => {}) // told by healed()
  }
  return { healed: () => (healing ??= startAgain()) }
}

function titleOf(one: StepCase): string {
  const { system, action, work, point } = one
  const outcome = system === 'DataNode' ? 'all is right' : 'all is right or an error says why not'
  return `a ${system} that is ${action} ${work === 'migrate' ? 'in a migration' : 'as counties are averaged'}, ${point.name}: ${outcome}`
}
