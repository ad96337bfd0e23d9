import { z } from 'zod'
import { MillraceError } from '../../errors.ts'
import type { DataNodeStatus } from '../storage.ts'
import { readAnswer } from './answers.ts'
import type { HostAddresses } from './hostAddresses.ts'
import type { NameNode } from './nameNode.ts'

/** The DataNodes as the NameNode's JMX page names them. */
export interface DataNodes {
  /**
   * The transfer address ("ip:port", what `excludedatanodes` takes) of the DataNode that a redirect points to, also of one
   * that the NameNode calls dead but has not taken its blocks from yet. FORBIDDEN where the NameNode names no such
   * DataNode. Asks again only for an address not seen before, and for one of `excluded`: the NameNode would not name that
   * one, so the DataNode has come back with another address, as a restarted container does.
   */
  identify(location: URL, excluded: readonly string[]): Promise<string>
  statuses(): Promise<DataNodeStatus[]>
  /** Safe mode's reason, or "" where HDFS can be written. */
  overview(): Promise<{ version: string; safeMode: string; live: number; dead: number }>
}

const nodes = <T extends z.ZodType>(node: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text)
      } catch {
        context.addIssue('expected JSON within JSON')
        return z.NEVER
      }
    })
    .pipe(z.record(z.string(), node))

const nameNodeInfo = z.object({
  beans: z.tuple([
    z.object({
      SoftwareVersion: z.string(),
      Safemode: z.string(),
      LiveNodes: nodes(
        z.object({
          infoAddr: z.string(),
          infoSecureAddr: z.string().optional(),
          xferaddr: z.string(),
          lastContact: z.number(),
          adminState: z.string(),
          usedSpace: z.number(),
          capacity: z.number(),
        }),
      ),
      DeadNodes: nodes(z.object({ lastContact: z.number(), decommissioned: z.boolean(), xferaddr: z.string() })),
    }),
  ]),
})
const configuration = z.object({ property: z.object({ value: z.string().regex(/^\d+$/).transform(Number) }) })

const STALE_KEY = 'dfs.namenode.stale.datanode.interval'
const STALE_DEFAULT_MILLIS = 30_000

export function createDataNodes(nameNode: NameNode, hosts: HostAddresses): DataNodes {
  /** "host:port" of a DataNode's HTTP server, by name and by address, to its transfer address. */
  let known = new Map<string, string>()
  /** The same of dead DataNodes by host alone: the NameNode does not tell their HTTP ports. */
  let deadByHost = new Map<string, string>()
  let refreshing: Promise<void> | undefined
  let staleMillis: Promise<number> | undefined

  async function info() {
    const page = '/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo'
    return readAnswer(nameNodeInfo, await nameNode.page(page), 'JMX').beans[0]
  }

  async function refresh(): Promise<void> {
    const { LiveNodes, DeadNodes } = await info()
    const fresh = new Map<string, string>()
    for (const [name, { infoAddr, infoSecureAddr, xferaddr }] of Object.entries(LiveNodes)) {
      hosts.registered(hostOf(name), hostOf(xferaddr))
      for (const address of [infoAddr, infoSecureAddr]) {
        if (address === undefined) continue
        fresh.set(address, xferaddr)
        fresh.set(`${hostOf(name)}:${portOf(address)}`, xferaddr)
      }
    }
    known = fresh
    deadByHost = new Map(Object.entries(DeadNodes).map(([name, { xferaddr }]) => [hostOf(name), xferaddr]))
  }

  /** The NameNode's own idea of stale; where it does not say, Hadoop's default. Asked once it has answered. */
  async function askStaleMillis(): Promise<number> {
    try {
      return configuration.parse(await nameNode.page(`/conf?name=${STALE_KEY}`)).property.value
    } catch {
      staleMillis = undefined
      return STALE_DEFAULT_MILLIS
    }
  }

  return {
    async identify(location, excluded) {
      const address = `${location.hostname}:${location.port || (location.protocol === 'https:' ? '443' : '80')}`
      const remembered = known.get(address)
      if (remembered === undefined || excluded.includes(remembered)) {
        refreshing ??= refresh().finally(() => {
          refreshing = undefined
        })
        await refreshing
      }
      const node = known.get(address) ?? deadByHost.get(location.hostname)
      if (node !== undefined) return node
      throw new MillraceError('FORBIDDEN', `the NameNode redirected to ${address}, which is none of its DataNodes`, {
        hint: 'Millrace follows redirects to DataNodes only; check dfs.datanode.hostname and dfs.datanode.http.address.',
      })
    },

    async statuses() {
      staleMillis ??= askStaleMillis()
      const [{ LiveNodes, DeadNodes }, staleAfterMillis] = await Promise.all([info(), staleMillis])
      const nowMillis = Date.now()
      const contact = (seconds: number) => new Date(nowMillis - seconds * 1000)
      const live = Object.entries(LiveNodes).map(([name, node]): DataNodeStatus => {
        const stale = node.lastContact * 1000 > staleAfterMillis
        return {
          name: hostOf(name),
          state: node.adminState === 'Decommissioned' ? 'DECOMMISSIONED' : stale ? 'STALE' : 'LIVE',
          lastContact: contact(node.lastContact),
          usedBytes: node.usedSpace,
          capacityBytes: node.capacity,
        }
      })
      const dead = Object.entries(DeadNodes).map(
        ([name, node]): DataNodeStatus => ({
          name: hostOf(name),
          state: node.decommissioned ? 'DECOMMISSIONED' : 'DEAD',
          lastContact: contact(node.lastContact),
        }),
      )
      return [...live, ...dead].sort((left, right) => (left.name < right.name ? -1 : left.name > right.name ? 1 : 0))
    },

    async overview() {
      const { SoftwareVersion, Safemode, LiveNodes, DeadNodes } = await info()
      return {
        version: SoftwareVersion,
        safeMode: Safemode,
        live: Object.keys(LiveNodes).length,
        dead: Object.keys(DeadNodes).length,
      }
    },
  }
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':'))
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1)
}
