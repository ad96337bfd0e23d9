import { randomBytes } from 'node:crypto'
import { freePort } from './ports.ts'

export const KAFKA_HOST = '127.0.0.1'

export interface KafkaOptions {
  /** Each is a controller too: of three, one can be away. 1 unless told. */
  brokers?: 1 | 2 | 3
  /** Adds listeners that ask for a user, one of them with TLS. */
  secured?: boolean
}

/** Fixed when a cluster is made: a broker that is restarted keeps its ports. */
export interface KafkaPlan {
  /** 16 bytes in the letters of Kafka's Uuid. */
  clusterId: string
  brokers: BrokerPlan[]
  /** Null: no listeners with users. */
  secrets: KafkaSecrets | null
}

export interface BrokerPlan {
  name: string
  /** Counts from 1. */
  nodeId: number
  port: number
  controllerPort: number
  /** Asks for a user, without and with TLS; unused where the plan has no secrets. */
  saslPort: number
  tlsPort: number
}

export interface KafkaSecrets {
  /** May do everything. */
  user: string
  password: string
  /** May do nothing; has the same password. */
  guest: string
  keyStorePassword: string
}

export async function planKafka({ brokers = 1, secured = false }: KafkaOptions): Promise<KafkaPlan> {
  return {
    clusterId: randomClusterId(),
    brokers: await Promise.all(Array.from({ length: brokers }, (_, index) => planBroker(index + 1))),
    secrets: secured
      ? { user: 'millrace', password: randomHex(), guest: 'guest', keyStorePassword: randomHex() }
      : null,
  }
}

async function planBroker(nodeId: number): Promise<BrokerPlan> {
  return {
    name: `kafka-${nodeId}`,
    nodeId,
    port: await freePort(KAFKA_HOST),
    controllerPort: await freePort(KAFKA_HOST),
    saslPort: await freePort(KAFKA_HOST),
    tlsPort: await freePort(KAFKA_HOST),
  }
}

/** The text of server.properties of one broker whose data are in `dataFolder`. */
export function serverProperties(plan: KafkaPlan, broker: BrokerPlan, dataFolder: string, keyStore: string): string {
  const settings = { ...brokerSettings(plan, broker, dataFolder), ...securitySettings(plan, keyStore) }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${String(value)}\n`)
    .join('')
}

type Settings = Record<string, string | number | boolean>

function brokerSettings({ brokers, secrets }: KafkaPlan, broker: BrokerPlan, dataFolder: string): Settings {
  const copies = brokers.length
  const mostAway = copies > 2 ? copies - 1 : 1
  const clientListeners = [
    `PLAINTEXT://${KAFKA_HOST}:${broker.port}`,
    ...(secrets
      ? [`SASL_PLAINTEXT://${KAFKA_HOST}:${broker.saslPort}`, `SASL_SSL://${KAFKA_HOST}:${broker.tlsPort}`]
      : []),
  ]
  return {
    'process.roles': 'broker,controller',
    'node.id': broker.nodeId,
    'controller.quorum.voters': brokers
      .map(({ nodeId, controllerPort }) => `${nodeId}@${KAFKA_HOST}:${controllerPort}`)
      .join(','),
    listeners: [...clientListeners, `CONTROLLER://${KAFKA_HOST}:${broker.controllerPort}`].join(','),
    'advertised.listeners': clientListeners.join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL',
    'log.dirs': dataFolder,
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': mostAway,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': mostAway,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': mostAway,
    'share.coordinator.state.topic.num.partitions': 1,
    // A chunk of a MiB with its headers.
    'message.max.bytes': 1_100_000,
    'replica.fetch.max.bytes': 1_100_000,
    // A killed broker is given up after three seconds in place of nine; a member of a group may say how soon it is.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    // How long brokers wait for a controller that hangs.
    'controller.socket.timeout.ms': 3_000,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    // A small machine.
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 16_777_216,
    'log.segment.bytes': 134_217_728,
  }
}

const SASL_LISTENERS = ['sasl_plaintext', 'sasl_ssl']
const SCRAM = ['SCRAM-SHA-256', 'SCRAM-SHA-512']

function securitySettings({ secrets }: KafkaPlan, keyStore: string): Settings {
  if (!secrets) return {}
  const modules = 'org.apache.kafka.common.security'
  const users = usersOf(secrets).map(user => `user_${user}="${secrets.password}"`)
  const plain = `${modules}.plain.PlainLoginModule required ${users.join(' ')};`
  const scram = `${modules}.scram.ScramLoginModule required;`
  return {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // Whoever comes without a name is a broker, or a test that does not ask for users.
    'super.users': `User:${secrets.user};User:ANONYMOUS`,
    'sasl.enabled.mechanisms': ['PLAIN', ...SCRAM].join(','),
    'ssl.keystore.type': 'PKCS12',
    'ssl.keystore.location': keyStore,
    'ssl.keystore.password': secrets.keyStorePassword,
    ...Object.fromEntries(
      SASL_LISTENERS.flatMap(listener => [
        [`listener.name.${listener}.plain.sasl.jaas.config`, plain],
        ...SCRAM.map(mechanism => [`listener.name.${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`, scram]),
      ]),
    ),
  }
}

/** What the formatting of a broker's folder is told beside its configuration: SCRAM users live in the cluster's own metadata. */
export function formatArguments({ clusterId, secrets }: KafkaPlan): string[] {
  const users = secrets
    ? usersOf(secrets).flatMap(name =>
        SCRAM.map(mechanism => `--add-scram=${mechanism}=[name=${name},password=${secrets.password}]`),
      )
    : []
  return [`--cluster-id=${clusterId}`, ...users]
}

const usersOf = ({ user, guest }: KafkaSecrets) => [user, guest]

/** A leading hyphen would look like an option. */
function randomClusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? randomClusterId() : id
}

function randomHex(): string {
  return randomBytes(12).toString('hex')
}
