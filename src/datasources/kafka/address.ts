import { MillraceError } from '../../errors.ts'

/** Where the brokers of a Kafka cluster are, and how to speak to them. */
export interface KafkaAddress {
  /** "host:port" of some brokers, in the order given; they name the others. */
  brokers: string[]
  /** Undefined: no authentication. */
  user?: string
  password?: string
}

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const
export type SaslMechanism = (typeof SASL_MECHANISMS)[number]

export const COMPRESSIONS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Compression = (typeof COMPRESSIONS)[number]

const PREFIX = 'kafka://'
const DEFAULT_PORT = 9092
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/

/**
 * Reads "kafka://user:password@host:port,host:port"; user and password are percent-decoded, the port is 9092 where none is given.
 * BAD_USER_INPUT otherwise; the message never shows the password.
 */
export function parseKafkaUrl(text: string): KafkaAddress {
  if (!text.startsWith(PREFIX)) throw malformed('another beginning')
  const rest = text.slice(PREFIX.length).replace(/\/$/, '')
  if (/[/?#]/.test(rest)) throw malformed('a "/", "?" or "#" in it')
  const at = rest.lastIndexOf('@')
  const brokers = rest
    .slice(at + 1)
    .split(',')
    .map(readBroker)
  const twice = brokers.find((broker, index) => brokers.indexOf(broker) !== index)
  if (twice !== undefined) throw malformed(`${twice} twice`)
  return { brokers, ...(at >= 0 && readCredentials(rest.slice(0, at))) }
}

/** The URL without credentials, for people. */
export function showKafkaAddress({ brokers }: Pick<KafkaAddress, 'brokers'>): string {
  return `${PREFIX}${brokers.join(',')}`
}

function readCredentials(text: string): { user: string; password: string } {
  const colon = text.indexOf(':')
  const user = decode(colon < 0 ? text : text.slice(0, colon), 'user')
  if (user === '') throw malformed('no user before "@"')
  return { user, password: decode(colon < 0 ? '' : text.slice(colon + 1), 'password') }
}

function readBroker(text: string): string {
  const [, host = '', port = String(DEFAULT_PORT)] = /^(.*?)(?::([^:\]]*))?$/.exec(text) ?? []
  if (!HOST.test(host)) throw malformed(`${JSON.stringify(text)} as a broker`)
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw malformed(`the port ${JSON.stringify(port)} after ${host}`)
  }
  return `${host}:${Number(port)}`
}

function decode(part: string, name: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw malformed(`a ${name} with a % that starts no percent-code`)
  }
}

function malformed(got: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `Expected ${PREFIX}user:password@host:9092,host:9092, got ${got}.`, {
    hint: 'User and password may be left out; write special characters in them as percent-codes, for example %40 for @.',
  })
}
