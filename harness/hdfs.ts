import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from './command.ts'
import { type HdfsOptions, type HdfsPlan, listenHostOf, NAME_NODE_HOST, planHdfs, siteXml } from './hdfsPlan.ts'
import { findJava, hadoopFolder, installHadoop } from './install.ts'
import { type NameNodeView, nameNodeView, useDataNode } from './nameNode.ts'
import { createDaemon, type Daemon } from './process.ts'
import type { Service, ServiceKind } from './service.ts'

/** HDFS for a test or a laptop: one NameNode and three DataNodes, which any client tells apart by their addresses. */
export interface HdfsService extends Service {
  /** DataNode daemon name -> the host name that the NameNode knows it by. */
  readonly dataNodeHosts: ReadonlyMap<string, string>
  /** What the NameNode thinks of its DataNodes; rejects where it does not answer. */
  view(): Promise<NameNodeView>
  /**
   * Runs `hdfs dfs ...`, `hdfs fsck ...` or `hdfs dfsadmin ...` and returns what it printed. fsck's exit code 1, "not
   * healthy", is an answer, not an error.
   */
  run(args: readonly string[], timeoutMillis?: number): Promise<string>
}

export const hdfs: ServiceKind<HdfsOptions, HdfsPlan, HdfsService> = {
  install: installHadoop,
  plan: planHdfs,
  open: openHdfs,
}

const TOOLS = new Map([
  ['dfs', { mainClass: 'org.apache.hadoop.fs.FsShell', exitCodes: [0] }],
  ['fsck', { mainClass: 'org.apache.hadoop.hdfs.tools.DFSck', exitCodes: [0, 1] }],
  ['dfsadmin', { mainClass: 'org.apache.hadoop.hdfs.tools.DFSAdmin', exitCodes: [0] }],
])

function openHdfs(folder: string, plan: HdfsPlan): HdfsService {
  const site = join(folder, 'conf')
  const nameFolder = join(folder, 'name')
  const classPath = [site, join(import.meta.dirname, 'hadoop', 'classpath'), `${hadoopFolder()}/*`].join(':')
  const java = findJava() ?? 'java'
  const javaArguments = (maxHeap: string, logLevel: string) => [
    `-Xmx${maxHeap}`,
    '-XX:+UseSerialGC', // with the next: four JVMs on two cores start in half the time
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    '--add-opens=java.base/java.lang=ALL-UNNAMED',
    '-Djava.net.preferIPv4Stack=true',
    `-Djava.io.tmpdir=${join(folder, 'tmp')}`,
    `-Dmillrace.log.level=${logLevel}`,
    '-cp',
    classPath,
  ]
  const view = () => nameNodeView(plan.nameNode.httpPort)

  const dataNodes = plan.dataNodes.map(node =>
    createDaemon({
      name: node.name,
      command: java,
      args: [
        ...javaArguments('192m', 'INFO'),
        // As many HTTP threads as on a server of 32 cores. On two cores there are four, and each request that waits for a
        // hung DataNode takes one of them away from the others.
        '-Dio.netty.eventLoopThreads=64',
        'org.apache.hadoop.hdfs.server.datanode.DataNode',
        ...define('dfs.datanode.data.dir', `file://${join(folder, node.name)}`),
        ...define('dfs.datanode.hostname', node.host),
        ...define('dfs.datanode.address', `${listenHostOf(node)}:${node.dataPort}`),
        ...define('dfs.datanode.http.address', `${listenHostOf(node)}:${node.httpPort}`),
        ...define('dfs.datanode.ipc.address', `${listenHostOf(node)}:${node.ipcPort}`),
      ],
      folder,
      isReady: () => useDataNode(plan, node),
    }),
  )
  const nameNode = createDaemon({
    name: 'namenode',
    command: java,
    args: [...javaArguments('256m', 'INFO'), 'org.apache.hadoop.hdfs.server.namenode.NameNode'],
    folder,
    isReady: async () => {
      const { safeMode, live } = await view()
      const expected = plan.dataNodes.filter((_, index) => dataNodes[index]?.state() === 'running')
      return !safeMode && expected.every(node => live.includes(node.host))
    },
  })

  async function format(): Promise<void> {
    const unfinished = `${nameFolder}.unfinished`
    await rm(unfinished, { recursive: true, force: true })
    await runCommand(java, [
      ...javaArguments('128m', 'WARN'),
      'org.apache.hadoop.hdfs.server.namenode.NameNode',
      ...define('dfs.namenode.name.dir', `file://${unfinished}`),
      '-format',
      '-nonInteractive',
    ])
    await rename(unfinished, nameFolder)
  }

  return {
    daemons: [nameNode, ...dataNodes],
    environment: { MILLRACE_STORAGE_URL: `webhdfs://root@${NAME_NODE_HOST}:${plan.nameNode.httpPort}` },
    dataNodeHosts: new Map(plan.dataNodes.map(node => [node.name, node.host])),
    view,

    async start() {
      await mkdir(join(folder, 'tmp'), { recursive: true })
      await mkdir(site, { recursive: true })
      await writeFile(join(site, 'core-site.xml'), siteXml(plan, 'core', folder))
      await writeFile(join(site, 'hdfs-site.xml'), siteXml(plan, 'hdfs', folder))
      // The DataNodes knock until the NameNode opens, so their JVMs can load while it is being formatted.
      await startAll(dataNodes)
      if (!existsSync(nameFolder)) await format()
      await nameNode.start()
      await Promise.all([nameNode, ...dataNodes].map(daemon => daemon.waitUntilReady(180_000)))
    },

    run([tool = '', ...args], timeoutMillis = 120_000) {
      const found = TOOLS.get(tool)
      if (!found) throw new Error(`expected one of ${[...TOOLS.keys()].join(', ')}, got "${tool}"`)
      const { mainClass, exitCodes } = found
      return runCommand(java, [...javaArguments('256m', 'WARN'), mainClass, ...args], { timeoutMillis, exitCodes })
    },
  }
}

async function startAll(daemons: Daemon[]): Promise<void> {
  await Promise.all(daemons.map(daemon => daemon.start()))
}

function define(key: string, value: string): string[] {
  return ['-D', `${key}=${value}`]
}
