import { type ErrorCode, MillraceError } from '../../errors.ts'
import { noSuchTopic } from '../logErrors.ts'

interface Meaning {
  code: ErrorCode
  says: (kafka: string) => string
  hint: string
}

const noUser: Meaning = {
  code: 'FORBIDDEN',
  says: kafka => `${kafka} refused this user, password or mechanism`,
  hint: 'Check the user in MILLRACE_LOG_URL or MILLRACE_LOG_USER, the password, MILLRACE_LOG_SASL_MECHANISM, and MILLRACE_LOG_TLS.',
}
const noRight: Meaning = {
  code: 'FORBIDDEN',
  says: kafka => `${kafka} does not let this user do that`,
  hint: 'Grant the user READ, WRITE, CREATE, DELETE and DESCRIBE on the topics and groups (kafka-acls.sh).',
}
const noTrust: Meaning = {
  code: 'FORBIDDEN',
  says: kafka => `${kafka} has no certificate that can be trusted`,
  hint: "Name the file of its authority's certificate in MILLRACE_LOG_TLS_CA; the brokers' names must be as in it.",
}
const wantsTls: Meaning = {
  code: 'FORBIDDEN',
  says: kafka => `${kafka} speaks TLS only`,
  hint: 'Set MILLRACE_LOG_TLS=true, or name a port without TLS.',
}
const tooFewBrokers: Meaning = {
  code: 'UNAVAILABLE',
  says: kafka => `${kafka} has too few brokers in touch for what the topic asks`,
  hint: 'Bring the missing brokers back, or ask for less replication.',
}
const tooMuchReplication: Meaning = {
  code: 'BAD_USER_INPUT',
  says: kafka => `${kafka} has fewer brokers than copies were asked for`,
  hint: 'Ask for less replication, or add brokers.',
}
const refusedTopic: Meaning = {
  code: 'BAD_USER_INPUT',
  says: kafka => `${kafka} does not take a topic of that name or layout`,
  hint: 'Choose another name or another number of partitions, as its policies demand.',
}
const tooLarge: Meaning = {
  code: 'BAD_USER_INPUT',
  says: kafka => `${kafka} does not take records of that size`,
  hint: 'Send smaller records, or raise message.max.bytes.',
}
const tooOld: Meaning = {
  code: 'UNAVAILABLE',
  says: kafka => `${kafka} does not know a request that Millrace needs`,
  hint: 'Kafka 2.8 or newer is needed.',
}
const unknownHost: Meaning = {
  code: 'UNAVAILABLE',
  says: kafka => `${kafka}: a host name is not known`,
  hint: 'Check the hosts in MILLRACE_LOG_URL, and advertised.listeners of the brokers.',
}
const noTlsThere: Meaning = {
  code: 'FORBIDDEN',
  says: kafka => `${kafka} does not speak TLS`,
  hint: 'Set MILLRACE_LOG_TLS=false, or name a port with TLS.',
}
const noAnswer: Meaning = {
  code: 'UNAVAILABLE',
  says: kafka => `${kafka} did not answer`,
  hint: 'Check that the brokers run and are reachable (and whether they ask for a user or TLS), then repeat.',
}

/** What each code of Kafka, of the library and of the operating system means. The first that an error has counts. */
const MEANINGS: readonly (readonly [Meaning, readonly string[]])[] = [
  [
    noUser,
    ['SASL_AUTHENTICATION_FAILED', 'UNSUPPORTED_SASL_MECHANISM', 'ILLEGAL_SASL_STATE', 'PLT_KFK_AUTHENTICATION'],
  ],
  [
    noRight,
    ['TOPIC_AUTHORIZATION_FAILED', 'GROUP_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED', 'SECURITY_DISABLED'],
  ],
  [
    noTrust,
    [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'CERT_HAS_EXPIRED',
      'CERT_NOT_YET_VALID',
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
  ],
  [noTlsThere, ['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG']],
  [tooMuchReplication, ['INVALID_REPLICATION_FACTOR']],
  [refusedTopic, ['INVALID_TOPIC_EXCEPTION', 'INVALID_PARTITIONS', 'POLICY_VIOLATION']],
  [tooLarge, ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']],
  [tooFewBrokers, ['NOT_ENOUGH_REPLICAS', 'NOT_ENOUGH_REPLICAS_AFTER_APPEND']],
  [tooOld, ['UNSUPPORTED_VERSION', 'PLT_KFK_UNSUPPORTED_API']],
  [unknownHost, ['ENOTFOUND', 'EAI_AGAIN']],
  [
    noAnswer,
    [
      'PLT_KFK_NETWORK',
      'PLT_KFK_TIMEOUT',
      'LEADER_NOT_AVAILABLE',
      'NOT_LEADER_OR_FOLLOWER',
      'FENCED_LEADER_EPOCH',
      'UNKNOWN_LEADER_EPOCH',
      'BROKER_NOT_AVAILABLE',
      'REPLICA_NOT_AVAILABLE',
      'REQUEST_TIMED_OUT',
      'NETWORK_EXCEPTION',
      'NOT_CONTROLLER',
      'KAFKA_STORAGE_ERROR',
      'COORDINATOR_NOT_AVAILABLE',
      'COORDINATOR_LOAD_IN_PROGRESS',
      'NOT_COORDINATOR',
      'OUT_OF_ORDER_SEQUENCE_NUMBER',
      'UNKNOWN_PRODUCER_ID',
      'PLT_KFK_UNEXPECTED_CORRELATION_ID',
      'OFFSET_NOT_AVAILABLE',
    ],
  ],
]

const UNKNOWN_TOPIC = ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'INCONSISTENT_TOPIC_ID']
/** Where the library names no code. */
const MESSAGES: readonly (readonly [RegExp, Meaning])[] = [
  [/^Broker requires TLS/, wantsTls],
  [/^TLS handshake failed/, noTlsThere],
  [/^Cannot find broker with node id/, noAnswer],
]

/** A MillraceError for whatever the library threw in a call that concerns `topic`; an error of no known meaning comes back as it is. */
export function explainKafkaError(error: unknown, url: string, topic?: string): unknown {
  if (error instanceof MillraceError) return error
  const parts = [...withCauses(error)]
  const codes = new Set(parts.flatMap(codesOf))
  if (topic !== undefined && saysUnknownTopic(parts, codes)) return noSuchTopic(topic, error)
  const known = MEANINGS.find(([, names]) => names.some(name => codes.has(name)))?.[0]
  const told = MESSAGES.find(([pattern]) => parts.some(({ message }) => pattern.test(message)))?.[1]
  const meaning = told ?? known
  if (!meaning) return error
  const details = [...codes].filter(code => !code.startsWith('PLT_')).join(', ')
  return new MillraceError(meaning.code, `${meaning.says(`Kafka at ${url}`)}${details && ` (${details})`}.`, {
    hint: meaning.hint,
    cause: error,
  })
}

/** True where the error or a cause of it has one of the codes. */
export function hasKafkaCode(error: unknown, ...names: string[]): boolean {
  return [...withCauses(error)].some(part => codesOf(part).some(code => names.includes(code)))
}

export function isUnknownTopic(error: unknown): boolean {
  const parts = [...withCauses(error)]
  return saysUnknownTopic(parts, new Set(parts.flatMap(codesOf)))
}

/** True for what another attempt with another client may mend: another leader, a broker that comes back, a topic made anew. */
export function isTransient(error: unknown): boolean {
  if (hasKafkaCode(error, 'UNKNOWN_TOPIC_ID', 'INCONSISTENT_TOPIC_ID')) return true
  const explained = explainKafkaError(error, '')
  return explained instanceof MillraceError && explained.code === 'UNAVAILABLE'
}

export function kafkaSilent(url: string, millis: number): MillraceError {
  return new MillraceError('UNAVAILABLE', `${noAnswer.says(`Kafka at ${url}`)} within ${millis / 1000} seconds.`, {
    hint: noAnswer.hint,
  })
}

/** The library has no code for it in answers about topics. */
function saysUnknownTopic(parts: readonly Error[], codes: ReadonlySet<string>): boolean {
  return (
    UNKNOWN_TOPIC.some(code => codes.has(code)) || parts.some(({ message }) => message.startsWith('Unknown topic '))
  )
}

/** The error itself, those that it gathers, and what caused them; nothing twice. */
function* withCauses(error: unknown, seen = new Set<unknown>()): Generator<Error, void, undefined> {
  if (!(error instanceof Error) || seen.has(error)) return
  seen.add(error)
  yield error
  if (error instanceof AggregateError) for (const part of error.errors) yield* withCauses(part, seen)
  yield* withCauses(error.cause, seen)
}

/** `apiId` is Kafka's own name for the error. */
function codesOf(error: Error): string[] {
  const codes = ['apiId' in error ? error.apiId : undefined, 'code' in error ? error.code : undefined]
  return codes.filter(code => typeof code === 'string')
}
