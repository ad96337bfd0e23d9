import { type ErrorCode, MillraceError } from '../errors.ts'
import type { MysqlAddress } from './mysqlUrl.ts'
import { showMysqlAddress } from './mysqlUrl.ts'

interface Meaning {
  code: ErrorCode
  says: (server: string) => string
  hint: string
}

const unavailable = (
  says: (server: string) => string,
  hint = 'Check that MySQL runs and is reachable, then repeat.',
) => ({
  code: 'UNAVAILABLE' as const,
  says,
  hint,
})
const refused = {
  code: 'FORBIDDEN' as const,
  says: (server: string) => `${server} refused this user or password`,
  hint: 'Check user and password in MILLRACE_SOURCE_URL; special characters in them need percent-codes.',
}
const denied = {
  code: 'FORBIDDEN' as const,
  says: (server: string) => `${server} does not let this user read here`,
  hint: 'Grant the user SELECT, or put another user into MILLRACE_SOURCE_URL.',
}
const lost = unavailable(server => `${server} closed the connection`)
const starting = unavailable(server => `${server} does not accept connections`)
const ended = unavailable(server => `${server} ended the query`)

/** What each error code of MySQL, mysql2 and the operating system means to our users. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  ER_ACCESS_DENIED_ERROR: refused,
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: refused,
  ER_ACCOUNT_HAS_BEEN_LOCKED: refused,
  ER_MUST_CHANGE_PASSWORD: refused,
  ER_HOST_NOT_PRIVILEGED: refused,
  ER_DBACCESS_DENIED_ERROR: { ...denied, says: server => `${server}: this user may not use the database` },
  ER_TABLEACCESS_DENIED_ERROR: denied,
  ER_COLUMNACCESS_DENIED_ERROR: denied,
  ER_SPECIFIC_ACCESS_DENIED_ERROR: denied,
  ER_BAD_DB_ERROR: {
    code: 'NOT_FOUND',
    says: server => `${server}: there is no such database`,
    hint: 'Check the database name at the end of MILLRACE_SOURCE_URL.',
  },
  ER_NO_SUCH_TABLE: {
    code: 'NOT_FOUND',
    says: server => `${server}: a table is gone`,
    hint: 'The table was dropped in between: load it again.',
  },
  ER_HOST_IS_BLOCKED: unavailable(
    server => `${server} blocks this machine after many failed connections`,
    'Run FLUSH HOSTS on the server.',
  ),
  ER_CON_COUNT_ERROR: unavailable(
    server => `${server} has too many connections`,
    'Repeat later, or raise max_connections.',
  ),
  ER_TOO_MANY_USER_CONNECTIONS: unavailable(
    server => `${server}: this user has too many connections`,
    'Repeat later, or raise max_user_connections.',
  ),
  ER_USER_LIMIT_REACHED: unavailable(
    server => `${server}: this user has reached a limit of its account`,
    'Repeat later, or raise the limits of the user (ALTER USER ... WITH MAX_USER_CONNECTIONS).',
  ),
  ER_SERVER_SHUTDOWN: unavailable(server => `${server} is shutting down`),
  ER_NORMAL_SHUTDOWN: unavailable(server => `${server} is shutting down`),
  ER_CONNECTION_KILLED: ended,
  ER_QUERY_INTERRUPTED: ended,
  ER_QUERY_TIMEOUT: ended,
  ER_STATEMENT_TIMEOUT: ended,
  ER_LOCK_DEADLOCK: unavailable(server => `${server} ended a transaction that was in a deadlock`),
  ER_LOCK_WAIT_TIMEOUT: unavailable(server => `${server} waited too long for a lock`),
  PROTOCOL_CONNECTION_LOST: lost,
  PROTOCOL_ERROR: lost,
  PROTOCOL_UNEXPECTED_PACKET: lost,
  ECONNRESET: lost,
  EPIPE: lost,
  ECONNREFUSED: starting,
  ENOTFOUND: unavailable(server => `${server}: the host name is not known`, 'Check the host in MILLRACE_SOURCE_URL.'),
  EAI_AGAIN: unavailable(server => `${server}: the host name cannot be looked up now`),
  EHOSTUNREACH: starting,
  ENETUNREACH: starting,
  ETIMEDOUT: unavailable(server => `${server} did not answer the connection in time`),
  HANDSHAKE_NO_SSL_SUPPORT: {
    code: 'FORBIDDEN',
    says: server => `${server} has no TLS`,
    hint: 'Switch TLS on at the server, or take ssl=true out of MILLRACE_SOURCE_URL.',
  },
  HANDSHAKE_SSL_ERROR: {
    code: 'FORBIDDEN',
    says: server => `${server} has no certificate that can be trusted`,
    hint: "Name the file of its authority's certificate in NODE_EXTRA_CA_CERTS; the host must be as in the certificate.",
  },
}

/** The errors of a query that runs, for those that come as numbers only. */
const CODES: Readonly<Record<number, keyof typeof MEANINGS>> = {
  1053: 'ER_SERVER_SHUTDOWN',
  1077: 'ER_NORMAL_SHUTDOWN',
  1142: 'ER_TABLEACCESS_DENIED_ERROR',
  1143: 'ER_COLUMNACCESS_DENIED_ERROR',
  1146: 'ER_NO_SUCH_TABLE',
  1205: 'ER_LOCK_WAIT_TIMEOUT',
  1213: 'ER_LOCK_DEADLOCK',
  1317: 'ER_QUERY_INTERRUPTED',
  1927: 'ER_CONNECTION_KILLED',
  1969: 'ER_STATEMENT_TIMEOUT',
  3024: 'ER_QUERY_TIMEOUT',
}

/** A MillraceError for whatever a call to MySQL threw; an error of no known code comes back as it is. */
export function explainMysqlError(error: unknown, address: MysqlAddress): unknown {
  if (error instanceof MillraceError || !(error instanceof Error)) return error
  const code = codeOf(error)
  const meaning = MEANINGS[code]
  if (!meaning) return error
  const message = `${meaning.says(`MySQL at ${showMysqlAddress(address)}`)} (${code}).`
  return new MillraceError(meaning.code, message, { hint: meaning.hint, cause: error })
}

function codeOf(error: Error): string {
  if ('code' in error && typeof error.code === 'string') return error.code
  return 'errno' in error && typeof error.errno === 'number' ? (CODES[error.errno] ?? '') : ''
}
