import { afterAll, beforeAll, test } from 'vitest'
import { ALL_LINK_CASES, delaysOnly, faultsOf, type LinkCase, someLinks } from './linkCases.ts'
import { ALL_CASES } from './report.ts'
import { runCase } from './runCase.ts'
import { type FaultSite, openFaultSite } from './site.ts'

/** A proxy makes the way between Millrace and one system worse while it is asked something. */

/** With all that is made ready before a case and looked at after it. */
const LONGEST = { timeout: 300_000 }

let site: FaultSite
const cases = ALL_CASES ? ALL_LINK_CASES : someLinks(ALL_LINK_CASES)

beforeAll(async () => {
  site = await openFaultSite({ storageWaitSeconds: 5 })
})
afterAll(() => site?.close())

test.each(cases.map((one, index) => [titleOf(one), one, index] as const))('%s', LONGEST, async (_, one, index) => {
  const { link, fault, operation } = one
  const dataNode = `datanode-${1 + (index % 3)}`
  await runCase(site, {
    operation,
    dataNode,
    disturb() {
      for (const proxy of proxiesOf(one, dataNode)) proxy.disturb(faultsOf(one))
    },
    heal: () => site.links.heal(),
    // Two other DataNodes can do all that this one could.
    mustBeRight: delaysOnly(one) || link.startsWith('DataNode'),
    outcome: { table: 'links', row: `${link}: ${fault}, ${wayOf(one)}`, column: operation },
  })
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
