import { expect } from 'vitest'
import { waitUntil } from '../../harness/wait.ts'
import { hasCode } from '../../src/errors.ts'
import { COUNTIES } from '../setup/wisconsinLoans.ts'
import { answerWithin } from './answer.ts'
import { OPERATIONS, type OperationName } from './operations.ts'
import { type Outcome, record } from './report.ts'
import type { FaultSite, ServerOptions } from './site.ts'

export interface FaultCase {
  operation: OperationName
  /** Where a partition that is to be reused lies. */
  dataNode: string
  server?: ServerOptions
  /** Called when all is ready and the question is about to be asked. */
  disturb(): void
  /** Lifts what disturbs, and waits until the systems can be used; more than once. */
  heal(): Promise<void>
  /** Only the right answer will do, no error. */
  mustBeRight: boolean
  /** How it is written down. */
  outcome: Pick<Outcome, 'table' | 'row' | 'column'>
}

/** Systems that were just started answer slowly for a while, on a machine that has more to do. */
const ANSWER_AGAIN_MILLIS = 60_000

/** Makes the files of the site anew, and starts what does not run: before the first case, and after one that failed. */
export async function makeClean(site: FaultSite): Promise<void> {
  const { cluster, links } = site
  await links.heal()
  for (const { name, state } of cluster.status()) if (state !== 'running') await cluster.restart(name)
  await cluster.waitForLiveDataNodes(3)
  const server = await site.openServer()
  try {
    await onceAnswering(async () => expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' }))
    await onceAnswering(() => server.averages(COUNTIES))
  } finally {
    await site.closeServer(server)
  }
  site.isClean = true
}

/** Asks a server while something is disturbed, and again when nothing is any more; fails the test where either is not as promised. */
export async function runCase(site: FaultSite, one: FaultCase): Promise<void> {
  if (!site.isClean) await makeClean(site)
  site.isClean = false
  const kind = OPERATIONS[one.operation]
  const server = await site.openServer(one.server)
  try {
    const operation = await kind.prepare(site, server, one.dataNode)
    one.disturb()
    const { error, seconds } = await answerWithin(kind.deadlineSeconds(site), () => operation.run(server))
    await one.heal()
    await onceAnswering(() => operation.verify(server))
    site.isClean = true

    record({ ...one.outcome, result: error?.code ?? 'right', seconds })
    if (one.mustBeRight) expect(error).toBeUndefined()
    if (error) expect(hasCode(error, 'UNAVAILABLE'), String(error)).toBe(true)
    if (error) expect(error.hint, String(error)).toBeDefined()
  } finally {
    await one.heal()
    await site.closeServer(server)
  }
}

async function onceAnswering(ask: () => Promise<unknown>): Promise<void> {
  await waitUntil({ description: 'the systems to answer again', timeoutMillis: ANSWER_AGAIN_MILLIS }, async () => {
    try {
      await ask()
      return true
    } catch (error) {
      if (hasCode(error, 'UNAVAILABLE')) return false
      throw error
    }
  })
}
