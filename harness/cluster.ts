import { existsSync } from 'node:fs'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { guardCluster } from './guard.ts'
import { type HdfsService, hdfs } from './hdfs.ts'
import type { HdfsOptions, HdfsPlan } from './hdfsPlan.ts'
import { type KafkaService, kafka, type SecuredKafka } from './kafka.ts'
import type { KafkaOptions, KafkaPlan } from './kafkaPlan.ts'
import { type Links, openLinks } from './links.ts'
import { withLock } from './lock.ts'
import { type MariadbPlan, mariadb } from './mariadb.ts'
import { type PostgresPlan, postgres } from './postgres.ts'
import { type Daemon, type DaemonState, writeWhole } from './process.ts'
import type { Progress, Service } from './service.ts'
import { type SparkPlan, spark } from './spark.ts'
import { waitUntil } from './wait.ts'

export const SERVICE_NAMES = ['mysql', 'hdfs', 'kafka', 'postgres', 'spark'] as const
/** What starts where nothing is asked for: the others take memory that most tests have no use for. */
const DEFAULT_SERVICES: ServiceName[] = ['mysql', 'hdfs', 'kafka']
export type ServiceName = (typeof SERVICE_NAMES)[number]

export interface ClusterOptions {
  /** Where everything of the cluster lies: data, logs, ports and pids. Made where it is missing. */
  folder: string
  /** mysql, hdfs and kafka where left out. */
  services?: ServiceName[]
  hdfs?: HdfsOptions
  kafka?: KafkaOptions
  /** Told in a line what goes on. */
  progress?: Progress
  /**
   * The cluster is for this process alone: it goes down, and its folder with it, when the process ends, in whatever way.
   * Otherwise it stays up until someone calls down().
   */
  throwaway?: boolean
  /** Proxies of this process stand before everything that Millrace connects to. They end with down() and destroy(), and are not there for others who attach. */
  behindProxies?: boolean
}

/** Real systems on loopback addresses, driven by name. */
export interface Cluster {
  readonly folder: string
  readonly services: ServiceName[]
  /** The names that kill, hang and the others take: mysql, namenode, datanode-1, kafka-1, ... */
  readonly names: string[]
  /** The MILLRACE_* variables that bind Millrace to the cluster. */
  readonly env: Readonly<Record<string, string>>
  /** The ways from Millrace to the daemons, of a cluster behind proxies. `env` leads over them, `directEnv` around the first two. */
  readonly links: Links | undefined
  readonly directEnv: Readonly<Record<string, string>>
  /** Kafka's listeners that ask for a user; null where the cluster has none. */
  readonly securedKafka: SecuredKafka | null
  status(): DaemonStatus[]

  /** kill -9; the process is gone when it resolves. */
  kill(name: string): Promise<void>
  /** Stops the process as it stands (SIGSTOP): connections stay open and nothing answers. */
  hang(name: string): Promise<void>
  /** Lets a hung process go on. */
  resume(name: string): Promise<void>
  /** Starts it anew on the same ports, whatever state it is in; it can be used when this resolves. */
  restart(name: string): Promise<void>

  /** The host name that HDFS knows a DataNode by. */
  dataNodeHost(name: string): string
  /** Waits until the NameNode counts exactly so many DataNodes as live. */
  waitForLiveDataNodes(count: number, timeoutMillis?: number): Promise<void>
  /** Waits until the NameNode has given up a DataNode (see HdfsOptions for when it does). */
  waitUntilDead(name: string, timeoutMillis?: number): Promise<void>
  /** Runs Hadoop's own tools and returns what they print: hdfs(['dfs', '-du', '/']), also fsck and dfsadmin. */
  hdfs(args: readonly string[]): Promise<string>

  /** Stops every daemon; the data stay for the next start. */
  down(): Promise<void>
  /** Kills every daemon and removes the folder. */
  destroy(): Promise<void>
}

export interface DaemonStatus {
  name: string
  state: DaemonState
  pid: number | undefined
  logFile: string
}

/** What cluster.json holds. Pids lie beside the logs, so that two processes never write one file. */
interface ClusterState {
  mysql?: MariadbPlan
  hdfs?: HdfsPlan
  kafka?: KafkaPlan
  postgres?: PostgresPlan
  spark?: SparkPlan
}

/** Brings up what does not run of the cluster in `folder`; resolves when all of it can be used. */
export function startCluster(options: ClusterOptions): Promise<Cluster> {
  const folder = resolve(options.folder)
  return withLock(folder, () => startLocked(folder, options))
}

async function startLocked(folder: string, options: ClusterOptions): Promise<Cluster> {
  const progress = options.progress ?? (() => {})
  const wanted = options.services ?? DEFAULT_SERVICES
  if (wanted.includes('mysql')) await mariadb.install(progress)
  if (wanted.includes('hdfs')) await hdfs.install(progress)
  if (wanted.includes('kafka')) await kafka.install(progress)
  if (wanted.includes('postgres')) await postgres.install(progress)
  if (wanted.includes('spark')) await spark.install(progress)

  await mkdir(folder, { recursive: true })
  const state = (await readState(folder)) ?? {}
  if (wanted.includes('mysql')) state.mysql ??= await mariadb.plan({})
  if (wanted.includes('hdfs')) {
    state.hdfs ??= await hdfs.plan({ ...options.hdfs, behindProxies: options.behindProxies ?? false })
  }
  if (wanted.includes('kafka')) state.kafka ??= await kafka.plan(options.kafka ?? {})
  if (wanted.includes('postgres')) state.postgres ??= await postgres.plan({})
  if (wanted.includes('spark')) state.spark ??= await spark.plan({})
  writeWhole(stateFile(folder), `${JSON.stringify(state, null, 2)}\n`)

  const endGuard = options.throwaway ? await guardCluster(folder) : undefined
  const opened = openServices(folder, state)
  // Before the DataNodes, which reach each other over them too.
  const links = options.behindProxies ? await openLinks(state) : undefined
  const cluster = createCluster(folder, opened, { links, endGuard })
  try {
    await Promise.all(wanted.map(name => startService(name, opened[name]!, progress)))
  } catch (error) {
    if (options.throwaway) await cluster.destroy()
    throw error
  }
  return cluster
}

/** The cluster of a folder, in whatever state it is; starts nothing. Undefined where there has never been one. */
export async function attachCluster(folder: string): Promise<Cluster | undefined> {
  const state = await readState(resolve(folder))
  return state && createCluster(resolve(folder), openServices(resolve(folder), state))
}

interface OpenedServices {
  mysql?: Service
  hdfs?: HdfsService
  kafka?: KafkaService
  postgres?: Service
  spark?: Service
}

/** A further system joins with a line here and one in startCluster. */
function openServices(folder: string, state: ClusterState): OpenedServices {
  return {
    ...(state.mysql && { mysql: mariadb.open(join(folder, 'mysql'), state.mysql) }),
    ...(state.hdfs && { hdfs: hdfs.open(join(folder, 'hdfs'), state.hdfs) }),
    ...(state.kafka && { kafka: kafka.open(join(folder, 'kafka'), state.kafka) }),
    ...(state.postgres && { postgres: postgres.open(join(folder, 'postgres'), state.postgres) }),
    ...(state.spark && { spark: spark.open(join(folder, 'spark'), state.spark) }),
  }
}

async function startService(name: ServiceName, service: Service, progress: Progress): Promise<void> {
  const stopped = service.daemons.filter(daemon => daemon.state() === 'stopped').map(daemon => daemon.name)
  if (stopped.length > 0) progress(`${name}: starting ${stopped.join(', ')}`)
  const startedAt = performance.now()
  await service.start()
  progress(
    stopped.length === 0
      ? `${name}: runs already`
      : `${name}: ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`,
  )
}

interface ClusterParts {
  links?: Links | undefined
  endGuard?: (() => void) | undefined
}

function createCluster(folder: string, opened: OpenedServices, { links, endGuard }: ClusterParts = {}): Cluster {
  const services = Object.values(opened) as Service[]
  const daemons = services.flatMap(service => service.daemons)

  const directEnv = Object.assign({}, ...services.map(service => service.environment)) as Record<string, string>

  const find = (name: string): Daemon => {
    const daemon = daemons.find(daemon => daemon.name === name)
    if (!daemon) throw new Error(`expected one of ${daemons.map(daemon => daemon.name).join(', ')}, got "${name}"`)
    return daemon
  }
  const hdfsService = (): HdfsService => {
    if (!opened.hdfs) throw new Error('this cluster has no HDFS; start it with services: ["hdfs"]')
    return opened.hdfs
  }

  const dataNodeHost = (name: string): string => {
    const { dataNodeHosts } = hdfsService()
    const host = dataNodeHosts.get(name)
    if (!host) throw new Error(`expected one of ${[...dataNodeHosts.keys()].join(', ')}, got "${name}"`)
    return host
  }

  return {
    folder,
    services: Object.keys(opened) as ServiceName[],
    names: daemons.map(daemon => daemon.name),
    env: { ...directEnv, ...links?.env },
    links,
    directEnv,
    securedKafka: opened.kafka?.secured ?? null,
    status: () =>
      daemons.map(daemon => ({ name: daemon.name, state: daemon.state(), pid: daemon.pid(), logFile: daemon.logFile })),

    async kill(name) {
      await find(name).kill()
      await links?.refuse(name)
    },
    hang: async name => find(name).hang(),
    resume: async name => find(name).resume(),
    async restart(name) {
      const daemon = find(name)
      await daemon.stop()
      await links?.refuse(name)
      await daemon.start()
      await links?.accept(name)
      await daemon.waitUntilReady()
    },

    dataNodeHost,
    async waitForLiveDataNodes(count, timeoutMillis = 60_000) {
      const service = hdfsService()
      await waitUntil(
        {
          description: `the NameNode to count ${count} live DataNodes`,
          timeoutMillis,
          detail: () => describe(service),
        },
        async () => (await service.view()).live.length === count,
      )
    },
    async waitUntilDead(name, timeoutMillis = 120_000) {
      const service = hdfsService()
      const host = dataNodeHost(name)
      await waitUntil(
        { description: `the NameNode to give up ${name}`, timeoutMillis, detail: () => describe(service) },
        async () => (await service.view()).dead.includes(host),
      )
    },
    hdfs: async args => hdfsService().run(args),

    async down() {
      await Promise.all([...daemons.map(daemon => daemon.stop()), links?.close()])
    },
    async destroy() {
      await Promise.all([...daemons.map(daemon => daemon.stop(0)), links?.close()])
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
      endGuard?.()
    },
  }
}

async function describe(hdfs: HdfsService): Promise<string> {
  const { live, dead } = await hdfs.view()
  return `live: ${live.join(', ') || 'none'}; dead: ${dead.join(', ') || 'none'}`
}

function stateFile(folder: string): string {
  return join(folder, 'cluster.json')
}

async function readState(folder: string): Promise<ClusterState | undefined> {
  if (!existsSync(stateFile(folder))) return undefined
  return JSON.parse(await readFile(stateFile(folder), 'utf8')) as ClusterState
}
