import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasCode } from '../../src/errors.ts'
import { type Reach, watchedSource, watchedStorage } from '../setup/crashingKeepers.ts'
import { COUNTIES } from '../setup/wisconsinLoans.ts'
import { answerWithin } from './answer.ts'
import { OPERATIONS } from './operations.ts'
import { ALL_CASES, record } from './report.ts'
import { type FaultSite, openFaultSite } from './site.ts'
import { type ActionName, ALL_STEP_CASES, type StepCase, someSteps } from './stepCases.ts'

/** A process of a system dies, hangs or is started again just as a server comes to a point of its work. */

/** Longer than a NameNode takes to be started and out of safe mode, on a machine that has more to do. */
const STORAGE_WAIT_SECONDS = 25

/** With all that is made ready before a case and looked at after it. */
const LONGEST = { timeout: 180_000 }

let site: FaultSite
const cases = ALL_CASES ? ALL_STEP_CASES : someSteps(ALL_STEP_CASES)

beforeAll(async () => {
  site = await openFaultSite({ storageWaitSeconds: STORAGE_WAIT_SECONDS })
  const server = await site.openServer()
  expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  await server.averages(COUNTIES)
  await site.closeServer(server)
})
afterAll(() => site?.close())

test.each(cases.map((one, index) => [titleOf(one), one, index] as const))('%s', LONGEST, async (_, one, index) => {
  const { system, action, work, point } = one
  const kind = OPERATIONS[work]
  const dataNode = `datanode-${1 + (index % 3)}`
  const daemon = { MySQL: 'mysql', NameNode: 'namenode', DataNode: dataNode }[system]
  let armed = false
  let times = 0
  let struck: { healed: () => Promise<void> } | undefined
  const reach: Reach = async moment => {
    if (!armed || moment !== point.moment || ++times !== point.time) return
    struck = await strike(daemon, action)
  }
  const server = await site.openServer({
    source: source => watchedSource(source, reach),
    storage: storage => watchedStorage(storage, reach),
  })
  try {
    const operation = await kind.prepare(site, server, dataNode)
    armed = true
    const { error, seconds } = await answerWithin(kind.deadlineSeconds(site), () => operation.run(server))
    armed = false
    expect(struck, `expected the server to come to the point "${point.name}"`).toBeDefined()
    await struck!.healed()

    await operation.verify(server)
    const result = error?.code ?? 'right'
    record({ table: 'steps', row: `${doing(one)}: ${point.name}`, column: `${system} ${action}`, result, seconds })
    if (error) expect(hasCode(error, 'UNAVAILABLE'), String(error)).toBe(true)
    if (error) expect(error.hint).toBeDefined()
    // Two other DataNodes can do all that this one could; a NameNode that comes back in time is waited for by a migration.
    const waitedFor = system === 'NameNode' && action === 'killed and started again' && work === 'migrate'
    if (system === 'DataNode' || waitedFor) expect(error).toBeUndefined()
  } finally {
    await struck?.healed()
    await site.closeServer(server)
  }
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

function doing({ work }: StepCase): string {
  return work === 'migrate' ? 'migration' : 'averages'
}

function titleOf(one: StepCase): string {
  const { system, action, work, point } = one
  const outcome = system === 'DataNode' ? 'all is right' : 'all is right or an error says why not'
  return `a ${system} that is ${action} ${work === 'migrate' ? 'in a migration' : 'as counties are averaged'}, ${point.name}: ${outcome}`
}
