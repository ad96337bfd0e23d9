import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Argument, Command, Option } from 'commander'
import { attachCluster, type Cluster, SERVICE_NAMES, type ServiceName, startCluster } from './cluster.ts'

if (existsSync('.env')) process.loadEnvFile('.env')
const folder = resolve(process.env.MILLRACE_DATA_DIR ?? './data', 'cluster')
const print = (line: string) => process.stdout.write(`${line}\n`)

const program = new Command('cluster')
  .description(
    `Real MySQL, HDFS, Kafka, PostgreSQL and Spark on this machine, for tests and for trying things out. Everything lies in ${folder}.`,
  )
  .showHelpAfterError()
  .enablePositionalOptions()

program
  .command('up')
  .description('install what is missing and start what does not run')
  .addOption(
    new Option('--services <names...>', 'these and no others; mysql, hdfs and kafka where left out').choices(
      SERVICE_NAMES,
    ),
  )
  .addOption(
    new Option('--brokers <number>', 'of Kafka, when it is first started').choices(['1', '2', '3']).default('1'),
  )
  .action(async ({ services, brokers }: { services?: ServiceName[]; brokers: '1' | '2' | '3' }) => {
    const kafka = { brokers: Number(brokers) as 1 | 2 | 3 }
    const cluster = await startCluster({ folder, kafka, ...(services && { services }), progress: print })
    printStatus(cluster)
    print('To point Millrace at it: eval "$(npm run -s cluster -- env)"')
  })

program
  .command('down')
  .description('stop everything')
  .option('--remove', 'remove the data and the logs too')
  .action(async ({ remove }: { remove?: boolean }) => {
    const cluster = await attachCluster(folder)
    await (remove ? cluster?.destroy() : cluster?.down())
    print(
      cluster ? `stopped ${cluster.names.join(', ')}${remove ? ` and removed ${folder}` : ''}` : 'there is no cluster',
    )
  })

program
  .command('status')
  .description('what runs, and where its log is')
  .action(async () => printStatus(await attached()))

program
  .command('env')
  .description('the variables that bind Millrace to the cluster, for a shell')
  .action(async () => {
    for (const [name, value] of Object.entries((await attached()).env)) print(`export ${name}='${value}'`)
  })

addDaemonCommand('kill', 'end a process with -9', 'killed')
addDaemonCommand('hang', 'stop a process where it stands (SIGSTOP)', 'hung')
addDaemonCommand('resume', 'let a hung process go on', 'resumed')
addDaemonCommand('restart', 'start a process anew on the same ports', 'restarted')

program
  .command('hdfs')
  .description("Hadoop's own tools on the cluster: hdfs dfs -du /, hdfs fsck /, hdfs dfsadmin -report")
  .argument('<arguments...>')
  .allowUnknownOption()
  .passThroughOptions()
  .action(async (args: string[]) => {
    process.stdout.write(await (await attached()).hdfs(args))
  })

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}

function addDaemonCommand(verb: 'kill' | 'hang' | 'resume' | 'restart', description: string, done: string): void {
  program
    .command(verb)
    .description(description)
    .addArgument(
      new Argument(
        '<name>',
        'mysql, namenode, datanode-1 (to 3), kafka-1, postgres, spark-master, spark-worker-1 (or 2), spark-connect',
      ),
    )
    .action(async (name: string) => {
      await (await attached())[verb](name)
      print(`${done} ${name}`)
    })
}

async function attached(): Promise<Cluster> {
  const cluster = await attachCluster(folder)
  if (!cluster) throw new Error(`there is no cluster in ${folder}; start one with: npm run cluster -- up`)
  return cluster
}

function printStatus(cluster: Cluster): void {
  for (const { name, state, pid, logFile } of cluster.status()) {
    print(
      `${name.padEnd(12)} ${state.padEnd(8)} ${pid === undefined ? '-'.padEnd(11) : `pid ${pid}`.padEnd(11)} ${logFile}`,
    )
  }
}
