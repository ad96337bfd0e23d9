import { request } from 'node:http'
import type { DataNodePlan, HdfsPlan } from './hdfsPlan.ts'
import { listenHostOf, NAME_NODE_HOST } from './hdfsPlan.ts'

const TIMEOUT_MILLIS = 10_000

/** What the NameNode reports about itself over JMX. */
export interface NameNodeView {
  safeMode: boolean
  /** Host names of DataNodes. */
  live: string[]
  dead: string[]
}

interface Beans<Bean> {
  beans: Bean[]
}

interface NameNodeInfo {
  Safemode: string
  /** JSON within JSON: "host:port" -> details. */
  LiveNodes: string
  DeadNodes: string
}

interface DataNodeActivity {
  /** Since the process started. */
  BlockReportsNumOps: number
}

export async function nameNodeView(httpPort: number): Promise<NameNodeView> {
  const info = await bean<NameNodeInfo>(`${NAME_NODE_HOST}:${httpPort}`, 'service=NameNode,name=NameNodeInfo')
  return { safeMode: info.Safemode !== '', live: hostsOf(info.LiveNodes), dead: hostsOf(info.DeadNodes) }
}

/**
 * True once the DataNode has told the NameNode of its blocks and a file went through the DataNode, in and out, by WebHDFS. The first write and the first read take a JVM
 * seconds each, which tests should not meet in the middle of a deadline.
 */
export async function useDataNode(plan: HdfsPlan, node: DataNodePlan): Promise<boolean> {
  // Not what the NameNode thinks: it may not have noticed yet that a restarted DataNode was away.
  const activity = await bean<DataNodeActivity>(
    `${listenHostOf(node)}:${node.httpPort}`,
    'service=DataNode,name=DataNodeActivity*',
  )
  if (activity.BlockReportsNumOps === 0) return false
  const file = `http://${NAME_NODE_HOST}:${plan.nameNode.httpPort}/webhdfs/v1/.harness-${node.name}?user.name=root`
  await put(await throughNode(`${file}&op=CREATE&overwrite=true&replication=2&noredirect=true`, 'PUT', node), 'ready')
  const read = await (await get(await throughNode(`${file}&op=OPEN&noredirect=true`, 'GET', node))).text()
  await get(`${file}&op=DELETE`, 'DELETE')
  return read === 'ready'
}

async function bean<Bean>(address: string, query: string): Promise<Bean> {
  const url = `http://${address}/jmx?qry=Hadoop:${query}`
  const { beans } = (await (await get(url)).json()) as Beans<Bean>
  if (!beans[0]) throw new Error(`expected a bean from ${url}, got none`)
  return beans[0]
}

/** Any DataNode serves any file; the NameNode names one of its choice, and we go to ours with the same query. */
async function throughNode(url: string, method: string, node: DataNodePlan): Promise<URL> {
  const { Location } = (await (await get(url, method)).json()) as { Location: string }
  const location = new URL(Location)
  location.host = `${listenHostOf(node)}:${node.httpPort}`
  return location
}

async function get(url: string | URL, method = 'GET'): Promise<Response> {
  const response = await fetch(url, { method, signal: AbortSignal.timeout(TIMEOUT_MILLIS) })
  if (!response.ok)
    throw new Error(`${method} ${String(url)}: expected 200, got ${response.status} ${await response.text()}`)
  return response
}

/** node:http, since a DataNode answers a PUT with an unasked "100 Continue", at which fetch gives up. */
function put(url: URL, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'PUT', signal: AbortSignal.timeout(TIMEOUT_MILLIS) }, response => {
      response.resume()
      response.once('end', () =>
        response.statusCode === 201
          ? resolve()
          : reject(new Error(`PUT ${url.href}: expected 201, got ${response.statusCode}`)),
      )
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

function hostsOf(nodes: string): string[] {
  return Object.keys(JSON.parse(nodes) as Record<string, unknown>).map(key => key.replace(/:\d+$/, ''))
}
