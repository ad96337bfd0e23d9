import { MillraceError } from '../errors.ts'

/** Where a MySQL database is and who asks. */
export interface MysqlAddress {
  host: string
  port: number
  user: string
  password: string
  database: string
  /** TLS with a certificate that a known authority has signed for this host. */
  tls: boolean
}

const DEFAULT_PORT = 3306
const EXPECTED = 'mysql://user:password@host:3306/database'

/**
 * Reads `mysql://user:password@host:port/database`, with `?ssl=true` for TLS; user, password and database are
 * percent-decoded. BAD_USER_INPUT otherwise; the message never shows the password.
 */
export function parseMysqlUrl(text: string): MysqlAddress {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw malformed('no URL')
  }
  if (url.protocol !== 'mysql:') throw malformed(`a URL that starts with ${url.protocol}`)
  if (url.hostname === '') throw malformed('no host')
  const database = decode(url.pathname.slice(1), 'database')
  if (database === '') throw malformed('no database')
  if (database.includes('/')) throw malformed(`"${database}" as the database`)
  if (url.port === '0') throw malformed('port 0')
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    user: decode(url.username, 'user') || 'root',
    password: decode(url.password, 'password'),
    database,
    tls: readTls(url.searchParams),
  }
}

/** The URL without credentials, for people. */
export function showMysqlAddress({ host, port, database, tls }: MysqlAddress): string {
  const shownHost = host.includes(':') ? `[${host}]` : host
  return `mysql://${shownHost}:${port}/${encodeURIComponent(database)}${tls ? '?ssl=true' : ''}`
}

function readTls(parameters: URLSearchParams): boolean {
  const unknown = [...parameters.keys()].find(name => name !== 'ssl')
  if (unknown !== undefined) throw malformed(`the parameter "${unknown}"; only ssl=true is known`)
  const ssl = parameters.get('ssl') ?? 'false'
  if (ssl !== 'true' && ssl !== 'false') throw malformed(`ssl=${ssl}; expected ssl=true or ssl=false`)
  return ssl === 'true'
}

function decode(part: string, name: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw malformed(`a ${name} with a % that starts no percent-code`)
  }
}

function malformed(got: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `Expected ${EXPECTED}, got ${got}.`, {
    hint: 'Write special characters in user and password as percent-codes, for example %40 for @.',
  })
}
