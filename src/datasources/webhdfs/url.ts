import { userInfo } from 'node:os'
import { MillraceError } from '../../errors.ts'
import { pathSegments } from '../storagePath.ts'

export interface WebHdfsAddress {
  /** "host:port" of each NameNode's HTTP server, in the order given. */
  nameNodes: string[]
  user: string
  /** The folder in HDFS that is "/" of the storage. */
  root: string
}

const DEFAULT_PORT = 9870
/** What Hadoop itself accepts by default: dfs.webhdfs.user.provider.user.pattern. */
const USER = /^[A-Za-z_][A-Za-z0-9._-]*\$?$/
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$/
const HINT =
  'Write it as webhdfs://root@namenode:9870, with more NameNodes after commas and a folder at the end if you like.'

/**
 * Reads "webhdfs://user@host:port,host:port/folder". The port is 9870 where none is given, the user the one who runs
 * this process, as Hadoop's own clients have it. BAD_USER_INPUT otherwise; a password in it is never shown.
 */
export function parseWebHdfsUrl(text: string): WebHdfsAddress {
  const prefix = 'webhdfs://'
  if (!text.startsWith(prefix)) {
    throw bad(
      `expected a URL that starts with ${prefix}, got one that starts with ${JSON.stringify(text.split(':')[0])}`,
    )
  }
  const rest = text.slice(prefix.length)
  if (/[?#]/.test(rest)) throw bad('expected no "?" and no "#" in a webhdfs URL')
  const slash = rest.indexOf('/')
  const authority = slash < 0 ? rest : rest.slice(0, slash)
  const at = authority.lastIndexOf('@')
  const nameNodes = authority
    .slice(at + 1)
    .split(',')
    .map(readNameNode)
  const twice = nameNodes.find((nameNode, index) => nameNodes.indexOf(nameNode) !== index)
  if (twice !== undefined) throw bad(`expected each NameNode once, got ${twice} twice`)
  return { nameNodes, user: readUser(at < 0 ? undefined : authority.slice(0, at)), root: readRoot(rest, slash) }
}

/** The URL of an address; it never had a password. */
export function formatWebHdfsUrl({ nameNodes, user, root }: WebHdfsAddress): string {
  return `webhdfs://${user}@${nameNodes.join(',')}${root === '/' ? '' : root}`
}

function readUser(text: string | undefined): string {
  if (text === undefined) return userInfo().username
  if (text.includes(':'))
    throw bad('expected a user without a password, got one with ":" in it: WebHDFS takes no password')
  if (!USER.test(text)) throw bad(`expected a Hadoop user name before "@", got ${JSON.stringify(text)}`)
  return text
}

function readNameNode(text: string): string {
  const parts = /^(.*?)(?::([^:\]]*))?$/.exec(text)
  const host = parts?.[1] ?? ''
  const port = parts?.[2] ?? String(DEFAULT_PORT)
  if (!HOST.test(host)) throw bad(`expected host:port of a NameNode, got ${JSON.stringify(text)}`)
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw bad(`expected a port from 1 to 65535 after ${host}, got ${JSON.stringify(port)}`)
  }
  return `${host}:${Number(port)}`
}

function readRoot(rest: string, slash: number): string {
  if (slash < 0) return '/'
  const root = rest.slice(slash).replace(/\/$/, '') || '/'
  pathSegments(root)
  return root
}

function bad(message: string): MillraceError {
  return new MillraceError('BAD_USER_INPUT', message, { hint: HINT })
}
