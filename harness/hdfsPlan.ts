import { join } from 'node:path'
import { freePort } from './ports.ts'

export const NAME_NODE_HOST = '127.0.0.1'

/** How soon the NameNode mistrusts a silent DataNode, and how soon it gives it up. */
export interface HdfsOptions {
  /** Silence after which reads and writes avoid a DataNode. */
  staleAfterMillis?: number
  /** A DataNode is dead after twice this and ten heartbeats (of one second) of silence, at the next look. */
  recheckMillis?: number
  /** The DataNodes listen on other addresses than they are known by, so that proxies can stand at those: see links.ts. */
  behindProxies?: boolean
}

/** Fixed when a cluster is made: a daemon that is restarted keeps its ports. */
export interface HdfsPlan extends Required<Omit<HdfsOptions, 'behindProxies'>> {
  nameNode: { rpcPort: number; httpPort: number }
  dataNodes: DataNodePlan[]
}

export interface DataNodePlan {
  name: string
  /** A loopback address of its own: its host name, where others look for it. */
  host: string
  /** The only address it listens on, where that is another one: proxies stand at `host` then. */
  listenHost?: string
  dataPort: number
  httpPort: number
  ipcPort: number
}

export async function planHdfs(options: HdfsOptions): Promise<HdfsPlan> {
  return {
    staleAfterMillis: options.staleAfterMillis ?? 10_000,
    recheckMillis: options.recheckMillis ?? 30_000,
    nameNode: { rpcPort: await freePort(NAME_NODE_HOST), httpPort: await freePort(NAME_NODE_HOST) },
    dataNodes: await Promise.all([1, 2, 3].map(number => planDataNode(number, options.behindProxies ?? false))),
  }
}

/**
 * The data ports must differ although the hosts do: the NameNode sees every DataNode come from 127.0.0.1 and tells them
 * apart by this port.
 */
async function planDataNode(number: number, behindProxies: boolean): Promise<DataNodePlan> {
  const host = `127.0.0.${10 + number}`
  const listenHost = behindProxies ? `127.0.0.${20 + number}` : host
  return {
    name: `datanode-${number}`,
    host,
    ...(behindProxies && { listenHost }),
    dataPort: await freePort(host, listenHost),
    httpPort: await freePort(host, listenHost),
    ipcPort: await freePort(host, listenHost),
  }
}

export function listenHostOf({ host, listenHost }: DataNodePlan): string {
  return listenHost ?? host
}

/** The text of core-site.xml or hdfs-site.xml, the same for all daemons and tools of the cluster. */
export function siteXml(plan: HdfsPlan, site: 'core' | 'hdfs', folder: string): string {
  const settings = site === 'core' ? coreSettings(plan, folder) : hdfsSettings(plan, folder)
  const properties = Object.entries(settings).map(
    ([name, value]) => `  <property><name>${name}</name><value>${escapeXml(String(value))}</value></property>\n`,
  )
  return `<?xml version="1.0"?>\n<configuration>\n${properties.join('')}</configuration>\n`
}

type Settings = Record<string, string | number | boolean>

function coreSettings(plan: HdfsPlan, folder: string): Settings {
  return {
    'fs.defaultFS': `hdfs://${NAME_NODE_HOST}:${plan.nameNode.rpcPort}`,
    'hadoop.tmp.dir': join(folder, 'tmp'),
    // Ten seconds, like the default, but without its whole second between two knocks on a NameNode that is starting.
    'ipc.client.connect.retry.interval': 200,
    'ipc.client.connect.max.retries': 50,
  }
}

function hdfsSettings(plan: HdfsPlan, folder: string): Settings {
  return {
    'dfs.replication': 2,
    'dfs.permissions.enabled': false,
    'dfs.namenode.name.dir': `file://${join(folder, 'name')}`,
    'dfs.namenode.rpc-address': `${NAME_NODE_HOST}:${plan.nameNode.rpcPort}`,
    'dfs.namenode.http-address': `${NAME_NODE_HOST}:${plan.nameNode.httpPort}`,
    'dfs.namenode.safemode.extension': 0,
    'dfs.heartbeat.interval': 1,
    'dfs.namenode.stale.datanode.interval': plan.staleAfterMillis,
    'dfs.namenode.heartbeat.recheck-interval': plan.recheckMillis,
    'dfs.namenode.avoid.read.stale.datanode': true,
    'dfs.namenode.avoid.write.stale.datanode': true,
    // Of three nearly idle DataNodes, one with two writers counts as overloaded and would be refused further blocks.
    'dfs.namenode.redundancy.considerLoad': false,
    // They registered from 127.0.0.1, where none of them listens.
    'dfs.client.use.datanode.hostname': true,
    'dfs.datanode.use.datanode.hostname': true,
    // A DataNode is itself a client for what arrives by WebHDFS. Without these a write sleeps 400 ms when it closes, and
    // one hung DataNode stalls requests to the others for a minute.
    'dfs.client.block.write.locateFollowingBlock.initial.delay.ms': 20,
    'dfs.client.socket-timeout': 3000,
  }
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
