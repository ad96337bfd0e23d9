import { type ErrorCode, MillraceError } from '../../errors.ts'
import { type PostgresAddress, showPostgresAddress } from './url.ts'

interface Meaning {
  code: ErrorCode
  says: string
  hint: string
}

const unavailable = (says: string, hint = 'Check that PostgreSQL runs and is reachable, then repeat.'): Meaning => ({
  code: 'UNAVAILABLE',
  says,
  hint,
})
const refused: Meaning = {
  code: 'FORBIDDEN',
  says: 'refused this user or password',
  hint: 'Check user and password in MILLRACE_WAREHOUSE_URL; special characters in them need percent-codes.',
}
const lost = unavailable('closed the connection')
const starting = unavailable('does not accept connections')
const noRoom = (what: string) => unavailable(`has no ${what} left`, `Give the server more ${what}, then repeat.`)

/** What SQLSTATEs and error codes of the operating system mean to our users; the longest beginning counts. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  '08': lost,
  '22': {
    code: 'BAD_USER_INPUT',
    says: 'cannot keep a value',
    hint: 'Change the query so that its values fit their columns; text may not have NUL characters.',
  },
  '28': refused,
  '3D000': {
    code: 'NOT_FOUND',
    says: 'has no such database',
    hint: 'Check the database name at the end of MILLRACE_WAREHOUSE_URL.',
  },
  '40': unavailable('gave up a transaction that conflicted with another', 'Repeat.'),
  '42501': {
    code: 'FORBIDDEN',
    says: 'does not let this user do that',
    hint: 'Let the user create schemas and tables in the database, or name another user in MILLRACE_WAREHOUSE_URL.',
  },
  '42804': {
    code: 'BAD_USER_INPUT',
    says: 'cannot compare these values',
    hint: 'Use values of the type of the column.',
  },
  '42883': {
    code: 'BAD_USER_INPUT',
    says: 'cannot compare these values',
    hint: 'Use values of the type of the column.',
  },
  '53100': noRoom('disk'),
  '53200': noRoom('memory'),
  '53300': unavailable('has too many connections', 'Repeat later, or raise max_connections.'),
  '55P03': unavailable('waited too long for a lock', 'See who holds it (pg_locks), then repeat.'),
  '57014': unavailable('ended a statement that took too long'),
  '57P01': unavailable('is shutting down'),
  '57P02': lost,
  '57P03': unavailable('is starting up or shutting down'),
  '58': unavailable('has trouble with its files', "See the server's log, then repeat."),
  ECONNREFUSED: starting,
  ECONNRESET: lost,
  EPIPE: lost,
  EHOSTUNREACH: starting,
  ENETUNREACH: starting,
  ENOTFOUND: unavailable('cannot be found: the host name is not known', 'Check the host in MILLRACE_WAREHOUSE_URL.'),
  EAI_AGAIN: unavailable('cannot be found: the host name cannot be looked up now'),
  ETIMEDOUT: unavailable('did not answer the connection in time'),
}

/** What pg says without a code. */
const WORDS: readonly [words: RegExp, meaning: Meaning][] = [
  [/timeout/i, unavailable('did not answer in time')],
  [/terminated|not queryable|closed/i, lost],
  [
    /does not support SSL/i,
    {
      code: 'FORBIDDEN',
      says: 'has no TLS',
      hint: 'Switch TLS on at the server, or take ssl=true out of MILLRACE_WAREHOUSE_URL.',
    },
  ],
  [
    /certificate|self.signed|altname/i,
    {
      code: 'FORBIDDEN',
      says: 'has no certificate that can be trusted',
      hint: "Name the file of its authority's certificate in NODE_EXTRA_CA_CERTS; the host must be as in the certificate.",
    },
  ],
]

/** A MillraceError for whatever a call to PostgreSQL threw; an error that means nothing to users comes back as it is. */
export function explainPostgresError(error: unknown, address: PostgresAddress): unknown {
  if (error instanceof MillraceError || !(error instanceof Error)) return error
  const code = sqlStateOf(error) ?? ''
  const meaning =
    [5, 2, code.length].map(length => MEANINGS[code.slice(0, length)]).find(found => found) ??
    WORDS.find(([words]) => words.test(`${code} ${error.message}`))?.[1]
  if (!meaning) return error
  const detail = code === '' ? error.message : `${code}: ${error.message}`
  const message = `PostgreSQL at ${showPostgresAddress(address)} ${meaning.says} (${detail}).`
  return new MillraceError(meaning.code, message, { hint: meaning.hint, cause: error })
}

/** The code of an error of PostgreSQL or of the operating system. */
export function sqlStateOf(error: unknown): string | undefined {
  const inner = error instanceof MillraceError ? error.cause : error
  return inner instanceof Error && 'code' in inner && typeof inner.code === 'string' ? inner.code : undefined
}
