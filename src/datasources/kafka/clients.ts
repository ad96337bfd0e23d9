import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { Admin, type Base, type BaseOptions, type Callback, Consumer, Producer } from '@platformatic/kafka'
import { MillraceError } from '../../errors.ts'
import { abortable } from '../abortable.ts'
import type { KafkaAddress, SaslMechanism } from './address.ts'

export interface KafkaConnection extends KafkaAddress {
  saslMechanism: SaslMechanism
  tls: boolean
  /** Certificates of authorities to trust, in PEM; null: those that Node trusts. */
  tlsCaFile: string | null
}

/** Makes clients of the library that all connect, wait and retry alike. */
export interface KafkaClients {
  admin: () => Admin
  /** Of no group. */
  consumer: () => Consumer
  /** Of a group; it is not in it before joinGroup(). */
  member: (groupId: string, sessionTimeoutMillis: number) => Consumer
  /** Commits for a group what it is told to, and never again what was refused. */
  committer: (groupId: string) => Consumer
  producer: () => Producer
}

/** A broker that does not accept, or not answer, for so long is given up for now. Fetches wait less than that. */
const CONNECT_TIMEOUT_MILLIS = 3_000
const REQUEST_TIMEOUT_MILLIS = 8_000
/** With back-off and a request's timeout before it turns to another broker. */
const RETRIES = 5
const SEND_RETRIES = 10
/** Of the question where a topic's partitions are: enough for a topic made just now, or another broker. */
const METADATA_RETRIES = 3
const FIRST_PAUSE_MILLIS = 50
const LONGEST_PAUSE_MILLIS = 3_000
/** How long leaders are believed in where nothing goes wrong. */
const METADATA_MAX_AGE_MILLIS = 10_000
const REBALANCE_SESSIONS = 2
const LONGEST_HEARTBEAT_MILLIS = 1_000
const CLOSE_MILLIS = 2_000

export function kafkaClients(connection: KafkaConnection): KafkaClients {
  let made = 0
  const base = (): BaseOptions => ({
    clientId: 'millrace',
    bootstrapBrokers: rotated(connection.brokers, made++),
    connectTimeout: CONNECT_TIMEOUT_MILLIS,
    requestTimeout: REQUEST_TIMEOUT_MILLIS,
    retries: RETRIES,
    retryDelay: (_client, _operation, attempt) => backOffMillis(attempt),
    metadataMaxAge: METADATA_MAX_AGE_MILLIS,
    autocreateTopics: false,
    ...securityOf(connection),
  })
  return {
    admin: () => new Admin(base()),
    consumer: () => new Consumer({ ...base(), groupId: 'millrace' }),
    member(groupId, sessionTimeoutMillis) {
      const rebalanceTimeout = sessionTimeoutMillis * REBALANCE_SESSIONS
      return new Consumer({
        ...base(),
        groupId,
        // A request to join is answered when every member has joined, or is given up.
        requestTimeout: rebalanceTimeout + REQUEST_TIMEOUT_MILLIS,
        sessionTimeout: sessionTimeoutMillis,
        rebalanceTimeout,
        heartbeatInterval: Math.min(LONGEST_HEARTBEAT_MILLIS, Math.ceil(sessionTimeoutMillis / 4)),
        protocols: [{ name: 'cooperative-sticky', version: 1 }],
      })
    },
    committer: groupId => new Consumer({ ...base(), groupId, retries: 0 }),
    producer: () => new Producer({ ...base(), idempotent: true, retries: SEND_RETRIES }),
  }
}

/** Each client asks another broker first, so that whoever replaces one that got no answer asks elsewhere. */
function rotated<T>(list: readonly T[], by: number): T[] {
  const first = by % list.length
  return [...list.slice(first), ...list.slice(0, first)]
}

/** Uneven, so that many clients of a broker that comes back do not knock at the same time. */
export function backOffMillis(attempt: number): number {
  const millis = Math.min(FIRST_PAUSE_MILLIS * 2 ** attempt, LONGEST_PAUSE_MILLIS)
  return millis * (0.75 + Math.random() / 2)
}

/** A topic's partitions and their leaders; looked up anew where it has none of that number any longer, or not yet. */
export async function topicOf(client: Base<BaseOptions>, topic: string, highestPartition: number) {
  const asked = { topics: [topic], retries: METADATA_RETRIES }
  const known = (await client.metadata(asked)).topics.get(topic)!
  if (highestPartition < known.partitionsCount) return known
  return (await client.metadata({ ...asked, forceUpdate: true })).topics.get(topic)!
}

/** Ends what the client is at. A broker that hangs is not waited for. */
export async function closeClient(client: Base<BaseOptions>): Promise<void> {
  const connections = [...client.connections].map(([, connection]) => connection)
  const closing = new Promise<void>(resolve => {
    const done: Callback<void> = () => resolve()
    client.close(done)
  })
  try {
    await abortable(closing, AbortSignal.timeout(CLOSE_MILLIS))
  } catch {
    for (const { socket } of connections) socket.destroy()
  }
}

function securityOf({ brokers, user, password, saslMechanism, tls, tlsCaFile }: KafkaConnection): Partial<BaseOptions> {
  return {
    ...(user !== undefined && { sasl: { mechanism: saslMechanism, username: user, password: password ?? '' } }),
    ...(tls && {
      tls: tlsCaFile === null ? {} : { ca: readCa(tlsCaFile) },
      // Gateways before many brokers tell them apart by it; an address cannot be one.
      tlsServerName: brokers.every(broker => !isIP(hostOf(broker))),
    }),
  }
}

function hostOf(broker: string): string {
  return broker.slice(0, broker.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1')
}

function readCa(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new MillraceError('BAD_USER_INPUT', `Expected certificates in ${file}, but it cannot be read.`, {
      hint: 'MILLRACE_LOG_TLS_CA names a file in PEM.',
      cause,
    })
  }
}
