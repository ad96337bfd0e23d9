import { afterAll, beforeAll, expect, test } from 'vitest'
import { hasCode } from '../../src/errors.ts'
import { COUNTIES } from '../setup/wisconsinLoans.ts'
import { answerWithin } from './answer.ts'
import { ALL_LINK_CASES, delaysOnly, faultsOf, type LinkCase, someLinks } from './linkCases.ts'
import { OPERATIONS } from './operations.ts'
import { ALL_CASES, record } from './report.ts'
import { type FaultSite, openFaultSite } from './site.ts'

/** A proxy makes the way between Millrace and one system worse while it is asked something. */

/** With all that is made ready before a case and looked at after it. */
const LONGEST = { timeout: 180_000 }

let site: FaultSite
const cases = ALL_CASES ? ALL_LINK_CASES : someLinks(ALL_LINK_CASES)

beforeAll(async () => {
  site = await openFaultSite({ storageWaitSeconds: 5 })
  const server = await site.openServer()
  expect(await server.migrate()).toMatchObject({ state: 'SUCCEEDED' })
  await server.averages(COUNTIES)
  await site.closeServer(server)
})
afterAll(() => site?.close())

test.each(cases.map((one, index) => [titleOf(one), one, index] as const))('%s', LONGEST, async (_, one, index) => {
  const { link, fault, operation: name } = one
  const kind = OPERATIONS[name]
  const dataNode = `datanode-${1 + (index % 3)}`
  const server = await site.openServer()
  try {
    const operation = await kind.prepare(site, server, dataNode)
    for (const proxy of proxiesOf(one, dataNode)) proxy.disturb(faultsOf(one))
    const { error, seconds } = await answerWithin(kind.deadlineSeconds(site), () => operation.run(server))
    await site.links.heal()

    await operation.verify(server)
    const result = error?.code ?? 'right'
    record({ table: 'links', row: `${link}: ${fault}, ${wayOf(one)}`, column: name, result, seconds })
    if (delaysOnly(one)) expect(error).toBeUndefined()
    // Two other DataNodes can do all that this one could.
    if (link.startsWith('DataNode')) expect(error).toBeUndefined()
    if (error) expect(hasCode(error, 'UNAVAILABLE'), String(error)).toBe(true)
  } finally {
    await site.links.heal()
    await site.closeServer(server)
  }
})

function proxiesOf({ link }: LinkCase, dataNode: string) {
  const names = {
    MySQL: ['mysql'],
    NameNode: ['namenode'],
    DataNode: [dataNode],
    'DataNode, all ports': [dataNode, `${dataNode}-transfer`],
  }
  return names[link].map(proxy => site.links.get(proxy))
}

function wayOf({ direction }: LinkCase): string {
  return direction === 'toServer' ? 'to it' : 'from it'
}

function titleOf(one: LinkCase): string {
  const doing = {
    migrate: 'a migration succeeds or says why not',
    'block locations': 'block locations are right or an error says why not',
    create: 'an average is right, and its partition is made',
    reuse: 'an average is right from the partition there is, or one that is made again',
    recreate: 'an average is right, and a garbled partition is made again',
    'all counties': 'all averages are right',
  }
  return `with ${one.fault} on the way ${one.direction === 'toServer' ? 'to' : 'from'} the ${one.link}, ${doing[one.operation]}`
}
