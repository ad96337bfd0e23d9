import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import { findJava, installJava, installMariadbDriver, mariadbDriverFolder } from './install.ts'
import { installPythonPackages } from './installPython.ts'
import { freePort } from './ports.ts'
import { createDaemon } from './process.ts'
import type { Service, ServiceKind } from './service.ts'

const HOST = '127.0.0.1'
const REQUIREMENTS = join(import.meta.dirname, 'spark', 'requirements.txt')
const ANSWER_MILLIS = 3_000

/** Fixed when a cluster is made: a daemon that is restarted keeps its ports. */
export interface SparkPlan {
  master: { port: number; webPort: number }
  workers: { port: number; webPort: number }[]
  connect: { port: number; webPort: number }
  /** Bearer token of the Connect server. */
  token: string
  /** Where the jars and what else Spark needs of its own folder are. */
  home: string
}

/** Spark of one master, two workers with one core each, and a Connect server that has both for itself. */
export const spark: ServiceKind<Record<never, never>, SparkPlan, Service> = {
  async install(progress) {
    await installJava(progress)
    await installMariadbDriver(progress)
    await installPythonPackages(REQUIREMENTS, progress)
  },
  async plan() {
    const python = await installPythonPackages(REQUIREMENTS, () => {})
    const ports = async () => ({ port: await freePort(HOST), webPort: await freePort(HOST) })
    return {
      master: await ports(),
      workers: [await ports(), await ports()],
      connect: await ports(),
      token: randomBytes(12).toString('hex'),
      home: sparkHomeOf(python),
    }
  },
  open: openSpark,
}

function openSpark(folder: string, plan: SparkPlan): Service {
  const java = findJava() ?? 'java'
  const { home } = plan
  const master = `spark://${HOST}:${plan.master.port}`
  const environment = {
    SPARK_HOME: home,
    JAVA_HOME: dirname(dirname(java)),
    SPARK_SCALA_VERSION: '2.13', // the start scripts find it out for the workers, who start executors
    SPARK_LOCAL_IP: HOST,
    HADOOP_USER_NAME: 'root',
    SPARK_LOCAL_DIRS: join(folder, 'local'),
  }
  const javaArguments = (mostHeap: string) => [
    `-Xmx${mostHeap}`,
    '-XX:+UseSerialGC', // four JVMs and two executors on two cores
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    ...MODULE_OPTIONS,
    '-cp',
    [join(home, 'jars', '*'), join(mariadbDriverFolder(), '*')].join(':'),
  ]

  const masterDaemon = createDaemon({
    name: 'spark-master',
    command: java,
    args: [
      ...javaArguments('256m'),
      'org.apache.spark.deploy.master.Master',
      ...flags({ host: HOST, port: plan.master.port, 'webui-port': plan.master.webPort }),
    ],
    folder,
    environment,
    isReady: () => accepts(plan.master.webPort),
  })
  const workers = plan.workers.map(({ port, webPort }, index) =>
    createDaemon({
      name: `spark-worker-${index + 1}`,
      command: java,
      args: [
        ...javaArguments('256m'),
        'org.apache.spark.deploy.worker.Worker',
        ...flags({ host: HOST, port, 'webui-port': webPort, cores: 1, memory: '1g' }),
        ...flags({ 'work-dir': join(folder, `worker-${index + 1}`) }),
        master,
      ],
      folder,
      environment,
      wholeTree: true, // with its executor
      isReady: async () => (await aliveWorkers(plan.master.webPort)).includes(port),
    }),
  )
  const connectServer = createDaemon({
    name: 'spark-connect',
    command: java,
    args: [
      ...javaArguments('768m'),
      'org.apache.spark.deploy.SparkSubmit',
      ...flags({ class: 'org.apache.spark.sql.connect.service.SparkConnectServer', name: 'millrace', master }),
      ...Object.entries(connectSettings(folder, plan)).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
      'spark-internal',
    ],
    folder,
    // In the environment it shows neither in the process list nor in Spark's web pages.
    environment: { ...environment, SPARK_CONNECT_AUTHENTICATE_TOKEN: plan.token },
    isReady: () => accepts(plan.connect.port),
  })
  const daemons = [masterDaemon, ...workers, connectServer]

  return {
    daemons,
    environment: { MILLRACE_ENGINE_URL: `sc://${HOST}:${plan.connect.port}/;token=${plan.token}` },

    async start() {
      await mkdir(eventFolder(folder), { recursive: true })
      // All at once: workers and Connect server knock until the master opens, while their JVMs load.
      for (const daemon of daemons) await daemon.start()
      for (const daemon of daemons) await daemon.waitUntilReady()
    },
  }
}

/** The package brings the whole of Spark. `python` is the interpreter of the venv that has it. */
function sparkHomeOf(python: string): string {
  const versions = join(dirname(dirname(python)), 'lib')
  return join(versions, readdirSync(versions)[0]!, 'site-packages', 'pyspark')
}

function connectSettings(folder: string, { connect }: SparkPlan): Record<string, string | number | boolean> {
  return {
    'spark.connect.grpc.binding.address': HOST,
    'spark.connect.grpc.binding.port': connect.port,
    // Two minutes by default: so short, every longer query shows whether its client can go on.
    'spark.connect.execute.reattachable.senderMaxStreamDuration': '1s',
    'spark.driver.host': HOST,
    'spark.driver.bindAddress': HOST,
    'spark.ui.port': connect.webPort,
    'spark.cores.max': 2,
    'spark.executor.cores': 1,
    'spark.executor.memory': '640m',
    'spark.executor.extraClassPath': join(mariadbDriverFolder(), '*'),
    'spark.sql.shuffle.partitions': 4,
    'spark.sql.session.timeZone': 'UTC',
    'spark.sql.warehouse.dir': join(folder, 'warehouse'),
    // What a history server would show, as people may read it.
    'spark.eventLog.enabled': true,
    'spark.eventLog.dir': eventFolder(folder),
    'spark.eventLog.compress': false,
    'spark.hadoop.dfs.replication': 2,
    // They registered from 127.0.0.1, where none of them listens.
    'spark.hadoop.dfs.client.use.datanode.hostname': true,
    'spark.hadoop.dfs.client.socket-timeout': 5000,
    // A worker that is killed is missed soon.
    'spark.network.timeout': '30s',
    'spark.network.timeoutInterval': '10s',
    'spark.executor.heartbeatInterval': '5s',
  }
}

function eventFolder(folder: string): string {
  return join(folder, 'events')
}

/** What Spark's own start scripts pass to Java 17. */
const MODULE_OPTIONS = [
  '-XX:+IgnoreUnrecognizedVMOptions',
  ...[
    'java.base/java.lang',
    'java.base/java.lang.invoke',
    'java.base/java.lang.reflect',
    'java.base/java.io',
    'java.base/java.net',
    'java.base/java.nio',
    'java.base/java.util',
    'java.base/java.util.concurrent',
    'java.base/java.util.concurrent.atomic',
    'java.base/jdk.internal.ref',
    'java.base/sun.nio.ch',
    'java.base/sun.nio.cs',
    'java.base/sun.security.action',
    'java.base/sun.util.calendar',
  ].map(name => `--add-opens=${name}=ALL-UNNAMED`),
  '-Djdk.reflect.useDirectMethodHandle=false',
  '-Dio.netty.tryReflectionSetAccessible=true',
]

interface MasterState {
  workers: { port: number; state: string }[]
}

/** Their ports. */
async function aliveWorkers(webPort: number): Promise<number[]> {
  const response = await fetch(`http://${HOST}:${webPort}/json/`, { signal: AbortSignal.timeout(ANSWER_MILLIS) })
  const { workers } = (await response.json()) as MasterState
  return workers.filter(({ state }) => state === 'ALIVE').map(({ port }) => port)
}

/** True: what does not accept is an error. */
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, timeout: ANSWER_MILLIS })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('timeout', () => socket.destroy(new Error(`port ${port} did not answer`)))
    socket.once('error', reject)
  })
}

function flags(values: Record<string, string | number>): string[] {
  return Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)])
}
