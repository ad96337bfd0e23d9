import { type DataNodePlan, type HdfsPlan, listenHostOf, NAME_NODE_HOST } from './hdfsPlan.ts'
import { MARIADB_HOST, type MariadbPlan, mariadbUrl } from './mariadb.ts'
import { openTcpProxy, type TcpProxy } from './proxy.ts'

/**
 * The ways to the daemons of a cluster, each over a proxy: "mysql", "namenode" (its HTTP port; DataNodes and tools go around it), and for each DataNode
 * "datanode-1" (its HTTP port, which Millrace reads and writes through) and "datanode-1-transfer" (where DataNodes send each other blocks, one finds its own,
 * and Millrace probes it).
 */
export interface Links {
  readonly names: string[]
  /** The MILLRACE_* variables that lead over the proxies; those of DataNodes stand where the NameNode says that the DataNodes are. */
  readonly env: Readonly<Record<string, string>>
  get(name: string): TcpProxy
  /** The links to a daemon refuse connections, as if it were gone with its ports, or take them again. */
  refuse(daemon: string): Promise<void>
  accept(daemon: string): Promise<void>
  /** Lifts all faults, and takes connections again. */
  heal(): Promise<void>
  close(): Promise<void>
}

export async function openLinks({ mysql, hdfs }: { mysql?: MariadbPlan; hdfs?: HdfsPlan }): Promise<Links> {
  const proxies = new Map<string, TcpProxy>()
  const env: Record<string, string> = {}
  if (mysql) {
    const proxy = await openTcpProxy({ target: `${MARIADB_HOST}:${mysql.port}` })
    proxies.set('mysql', proxy)
    env.MILLRACE_SOURCE_URL = mariadbUrl(portOf(proxy))
  }
  if (hdfs) {
    const proxy = await openTcpProxy({ target: `${NAME_NODE_HOST}:${hdfs.nameNode.httpPort}` })
    proxies.set('namenode', proxy)
    env.MILLRACE_STORAGE_URL = `webhdfs://root@${proxy.address}`
    for (const node of hdfs.dataNodes) {
      proxies.set(node.name, await openBefore(node, node.httpPort))
      proxies.set(transferOf(node.name), await openBefore(node, node.dataPort))
    }
  }

  const linksTo = (daemon: string) => [daemon, transferOf(daemon)].flatMap(name => proxies.get(name) ?? [])

  return {
    names: [...proxies.keys()],
    env,
    get(name) {
      const proxy = proxies.get(name)
      if (!proxy) throw new Error(`expected one of ${[...proxies.keys()].join(', ')}, got "${name}"`)
      return proxy
    },
    async refuse(daemon) {
      await Promise.all(linksTo(daemon).map(proxy => proxy.refuse()))
    },
    async accept(daemon) {
      await Promise.all(linksTo(daemon).map(proxy => proxy.accept()))
    },
    async heal() {
      await Promise.all(
        [...proxies.values()].map(proxy => {
          proxy.disturb({})
          return proxy.accept()
        }),
      )
    },
    async close() {
      await Promise.all([...proxies.values()].map(proxy => proxy.close()))
    },
  }
}

function transferOf(dataNode: string): string {
  return `${dataNode}-transfer`
}

function openBefore(node: DataNodePlan, port: number): Promise<TcpProxy> {
  return openTcpProxy({ target: `${listenHostOf(node)}:${port}`, listen: `${node.host}:${port}` })
}

function portOf({ address }: TcpProxy): number {
  return Number(address.split(':').at(-1))
}
