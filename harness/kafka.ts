import { existsSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runCommand } from './command.ts'
import { findJava, installKafka, kafkaFolder } from './install.ts'
import {
  type BrokerPlan,
  formatArguments,
  KAFKA_HOST,
  type KafkaOptions,
  type KafkaPlan,
  planKafka,
  serverProperties,
} from './kafkaPlan.ts'
import { createDaemon, type Daemon } from './process.ts'
import type { Service, ServiceKind } from './service.ts'

/** Kafka for a test or a laptop: one to three brokers, each a controller too. Topics are made by their users only. */
export interface KafkaService extends Service {
  /** Null where it was started without. */
  readonly secured: SecuredKafka | null
}

/** How to reach the listeners that ask for a user. */
export interface SecuredKafka {
  user: string
  password: string
  /** A user who may do nothing, with the same password. */
  guest: string
  /** "host:port", no TLS. */
  saslBrokers: string[]
  /** "host:port", with TLS. */
  tlsBrokers: string[]
  /** The certificate to trust, in PEM. */
  caFile: string
}

export const kafka: ServiceKind<KafkaOptions, KafkaPlan, KafkaService> = {
  install: installKafka,
  plan: planKafka,
  open: openKafka,
}

function openKafka(folder: string, plan: KafkaPlan): KafkaService {
  const keyStore = join(folder, 'kafka.p12')
  const caFile = join(folder, 'kafka.pem')
  const java = findJava() ?? 'java'
  const javaArguments = (maxHeap: string) => [
    `-Xmx${maxHeap}`,
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1', // starts in half the time, as the JVMs of HDFS do
    '-XX:-UsePerfData',
    '-Djava.net.preferIPv4Stack=true',
    `-Djava.io.tmpdir=${join(folder, 'tmp')}`,
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'kafka', 'log4j2.properties')}`,
    '-cp',
    `${kafkaFolder()}/*`,
  ]
  const configurationOf = ({ name }: BrokerPlan) => join(folder, `${name}.properties`)
  const dataOf = ({ name }: BrokerPlan) => join(folder, name)

  const daemonOf = (broker: BrokerPlan): Daemon =>
    createDaemon({
      name: broker.name,
      command: java,
      args: [...javaArguments('256m'), 'kafka.Kafka', configurationOf(broker)],
      folder,
      isReady: () => isRegistered(broker),
    })
  const daemons = plan.brokers.map(daemonOf)

  /** Writes the broker's configuration, and at its first start its folder. Renamed when it is whole. */
  async function prepare(broker: BrokerPlan): Promise<void> {
    const data = dataOf(broker)
    if (!existsSync(data)) {
      const unfinished = `${data}.unfinished`
      await rm(unfinished, { recursive: true, force: true })
      await writeFile(configurationOf(broker), serverProperties(plan, broker, unfinished, keyStore))
      await runCommand(java, [
        ...javaArguments('128m'),
        'kafka.tools.StorageTool',
        'format',
        `--config=${configurationOf(broker)}`,
        ...formatArguments(plan),
      ])
      await rename(unfinished, data)
    }
    await writeFile(configurationOf(broker), serverProperties(plan, broker, data, keyStore))
  }

  const brokers = (port: (broker: BrokerPlan) => number) => plan.brokers.map(broker => `${KAFKA_HOST}:${port(broker)}`)

  return {
    daemons,
    environment: { MILLRACE_LOG_URL: `kafka://${brokers(({ port }) => port).join(',')}` },
    secured: plan.secrets && {
      user: plan.secrets.user,
      password: plan.secrets.password,
      guest: plan.secrets.guest,
      saslBrokers: brokers(({ saslPort }) => saslPort),
      tlsBrokers: brokers(({ tlsPort }) => tlsPort),
      caFile,
    },

    async start() {
      await mkdir(join(folder, 'tmp'), { recursive: true })
      if (plan.secrets && !existsSync(caFile)) {
        await makeCertificate(java, { keyStore, caFile, password: plan.secrets.keyStorePassword })
      }
      await Promise.all(plan.brokers.map(prepare))
      await Promise.all(daemons.map(daemon => daemon.start()))
      await Promise.all(daemons.map(daemon => daemon.waitUntilReady(180_000)))
    },
  }
}

/** True once the broker itself answers, and counts itself among those that clients may use. */
async function isRegistered({ nodeId, port }: BrokerPlan): Promise<boolean> {
  // Loaded here: half a second that a cluster without Kafka need not wait.
  const { Admin } = await import('@platformatic/kafka')
  const admin = new Admin({
    clientId: 'harness',
    bootstrapBrokers: [`${KAFKA_HOST}:${port}`],
    retries: 0,
    connectTimeout: 2_000,
    requestTimeout: 5_000,
  })
  try {
    const { brokers } = await admin.metadata({ topics: [] })
    return brokers.get(nodeId)?.port === port
  } finally {
    await admin.close()
  }
}

/** A key and a certificate that it signs itself, for the loopback address. */
async function makeCertificate(
  java: string,
  { keyStore, caFile, password }: { keyStore: string; caFile: string; password: string },
): Promise<void> {
  const keytool = join(dirname(java), 'keytool')
  const store = ['-alias', 'kafka', '-keystore', keyStore, '-storetype', 'PKCS12', '-storepass', password]
  await rm(keyStore, { force: true })
  await runCommand(keytool, [
    '-genkeypair',
    ...store,
    '-keyalg',
    'RSA',
    '-validity',
    '3650',
    '-dname',
    'CN=localhost',
    '-ext',
    `san=ip:${KAFKA_HOST},dns:localhost`,
  ])
  await writeFile(caFile, await runCommand(keytool, ['-exportcert', '-rfc', ...store]))
}
