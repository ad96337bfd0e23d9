import { MillraceError } from '../../errors.ts'

/** Where a Spark Connect server is and who asks. */
export interface SparkAddress {
  host: string
  port: number
  /** Sent as a bearer token with every call; null: none. */
  token: string | null
  /** TLS with a certificate that a known authority has signed for this host. */
  tls: boolean
  user: string
}

const DEFAULT_PORT = 15_002
const DEFAULT_USER = 'millrace'
const EXPECTED = 'sc://host:15002/;token=...;use_ssl=true'
const PARAMETERS = ['token', 'use_ssl', 'user_id']

/**
 * Reads a connection string as Spark's own clients do: `sc://host:port/;name=value;name=value`, with token, use_ssl and user_id;
 * values are percent-decoded. A token without use_ssl=true travels unencrypted. BAD_USER_INPUT
 * otherwise; the message never shows the token.
 */
export function parseSparkUrl(text: string): SparkAddress {
  const match =
    /^sc:\/\/(?<host>\[[0-9a-fA-F:.]+\]|[^:/;[\]@]+)(?::(?<port>\d{1,5}))?(?:\/(?:;(?<parameters>.*))?)?$/s.exec(text)
  if (!match?.groups) throw malformed('something else')
  const { host, port = String(DEFAULT_PORT), parameters = '' } = match.groups
  if (Number(port) < 1 || Number(port) > 65_535) throw malformed(`port ${port}`)
  const values = new Map(parameters.split(';').filter(Boolean).map(readParameter))
  const token = values.get('token') ?? null
  if (token !== null && !/^[\x21-\x7e]+$/.test(token))
    throw malformed('a token with characters that no header can have')
  return {
    host: host!.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port),
    token,
    tls: readTls(values.get('use_ssl')),
    user: values.get('user_id') ?? DEFAULT_USER,
  }
}

/** The URL without credentials, for people. */
export function showSparkAddress({ host, port, tls }: SparkAddress): string {
  return `sc://${host.includes(':') ? `[${host}]` : host}:${port}${tls ? '/;use_ssl=true' : ''}`
}

function readParameter(text: string): [string, string] {
  const [name = '', ...rest] = text.split('=')
  if (!PARAMETERS.includes(name)) throw malformed(`the parameter "${name}"; known are ${PARAMETERS.join(', ')}`)
  try {
    return [name, decodeURIComponent(rest.join('='))]
  } catch {
    throw malformed(`a ${name} with a % that starts no percent-code`)
  }
}

function readTls(text = 'false'): boolean {
  if (text === 'true' || text === 'false') return text === 'true'
  throw malformed(`use_ssl=${text}; expected use_ssl=true or use_ssl=false`)
}

function malformed(got: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', `Expected ${EXPECTED}, got ${got}.`, {
    hint: 'Write special characters in the token as percent-codes, for example %3B for ;.',
  })
}
