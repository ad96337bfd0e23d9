import { MillraceError } from '../errors.ts'

/** Where a database server is and who asks. */
export interface DatabaseAddress {
  host: string
  port: number
  user: string
  password: string
  database: string
  /** TLS with a certificate that a known authority has signed for this host. */
  tls: boolean
}

/** What the URLs of one kind of database look like. */
export interface DatabaseUrlShape {
  /** "mysql", say; the first is the one that is shown. */
  schemes: readonly [string, ...string[]]
  defaultPort: number
  defaultUser: string
}

/**
 * Reads `<scheme>://user:password@host:port/database`, with `?ssl=true` for TLS; user, password and database are
 * percent-decoded. BAD_USER_INPUT otherwise; the message never shows the password.
 */
export function parseDatabaseUrl(
  text: string,
  { schemes, defaultPort, defaultUser }: DatabaseUrlShape,
): DatabaseAddress {
  const malformed = (got: string) =>
    new MillraceError(
      'BAD_USER_INPUT',
      `Expected ${schemes[0]}://user:password@host:${defaultPort}/database, got ${got}.`,
      {
        hint: 'Write special characters in user and password as percent-codes, for example %40 for @.',
      },
    )
  const decode = (part: string, name: string) => {
    try {
      return decodeURIComponent(part)
    } catch {
      throw malformed(`a ${name} with a % that starts no percent-code`)
    }
  }
  const readTls = (parameters: URLSearchParams) => {
    const unknown = [...parameters.keys()].find(name => name !== 'ssl')
    if (unknown !== undefined) throw malformed(`the parameter "${unknown}"; only ssl=true is known`)
    const ssl = parameters.get('ssl') ?? 'false'
    if (ssl !== 'true' && ssl !== 'false') throw malformed(`ssl=${ssl}; expected ssl=true or ssl=false`)
    return ssl === 'true'
  }

  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw malformed('no URL')
  }
  if (!schemes.includes(url.protocol.slice(0, -1))) throw malformed(`a URL that starts with ${url.protocol}`)
  if (url.hostname === '') throw malformed('no host')
  const database = decode(url.pathname.slice(1), 'database')
  if (database === '') throw malformed('no database')
  if (database.includes('/')) throw malformed(`"${database}" as the database`)
  if (url.port === '0') throw malformed('port 0')
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? defaultPort : Number(url.port),
    user: decode(url.username, 'user') || defaultUser,
    password: decode(url.password, 'password'),
    database,
    tls: readTls(url.searchParams),
  }
}

/** The URL without credentials, for people. */
export function showDatabaseAddress(
  { host, port, database, tls }: DatabaseAddress,
  { schemes }: DatabaseUrlShape,
): string {
  const shownHost = host.includes(':') ? `[${host}]` : host
  return `${schemes[0]}://${shownHost}:${port}/${encodeURIComponent(database)}${tls ? '?ssl=true' : ''}`
}
