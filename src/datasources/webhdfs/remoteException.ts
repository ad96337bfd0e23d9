import { type ErrorCode, MillraceError } from '../../errors.ts'
import { quoted } from '../storagePath.ts'

/** What a NameNode or a DataNode answers where it does not do what was asked, cleaned of all that is not short text. */
export interface RemoteException {
  /** Simple class name, for example "FileNotFoundException"; "HTTP 502" where the answer was no RemoteException. */
  exception: string
  /** First line. */
  message: string
  status: number
}

interface Rule {
  exception: string
  message?: RegExp
  code: ErrorCode
  says: (path: string) => string
  hint?: string
}

const nothingThere = (path: string) => `expected a file or folder at ${path}, found nothing`
const notAFile = (path: string) => `expected a file at ${path}, found a folder`
const notAFolder = (path: string) => `expected a folder where ${path} needs one, found a file`
const denied = (path: string) => `HDFS does not allow this user to do that with ${path}`
const full = (path: string) => `HDFS has no room for ${path}`
const beingWritten = (path: string) => `${path} is being written by another client`
const safeMode = () => 'HDFS is in safe mode: it can be read but not written'
const notActive = () => 'the NameNode is not active'
const noReplica = (path: string) => `no live DataNode has the bytes of ${path}`
const noDataNode = (path: string) => `HDFS has no DataNode to write ${path} to`
const endsBefore = (path: string) => `expected more bytes in ${path} than the file has`

const SAFE_MODE_HINT =
  'A NameNode that is starting leaves safe mode by itself; otherwise run "hdfs dfsadmin -safemode leave".'
const ROOM_HINT = 'Delete files, add DataNodes or raise the quota, and try again.'
const OWNER_HINT = 'Name another user in the storage URL, or change the owner or the permissions in HDFS.'

/** One table from Hadoop's exceptions to our errors. The first rule that fits counts: those with a message come first. */
const RULES: readonly Rule[] = [
  {
    exception: 'FileNotFoundException',
    message: /is not a file|is a directory/i,
    code: 'BAD_USER_INPUT',
    says: notAFile,
  },
  {
    // From a DataNode whose client is gone, too: the same CREATE sent again has replaced what it was writing.
    exception: 'FileNotFoundException',
    message: /does not have any open files/i,
    code: 'UNAVAILABLE',
    says: path => `${path} was removed while it was being written`,
  },
  { exception: 'FileNotFoundException', code: 'NOT_FOUND', says: nothingThere },
  { exception: 'FileAlreadyExistsException', message: /is not a directory/i, code: 'BAD_USER_INPUT', says: notAFolder },
  { exception: 'FileAlreadyExistsException', message: /directory/i, code: 'BAD_USER_INPUT', says: notAFile },
  { exception: 'FileAlreadyExistsException', code: 'CONFLICT', says: path => `expected no file at ${path}, found one` },
  { exception: 'ParentNotDirectoryException', code: 'BAD_USER_INPUT', says: notAFolder },
  { exception: 'AccessControlException', message: /is not a directory/i, code: 'NOT_FOUND', says: nothingThere },
  { exception: 'AccessControlException', code: 'FORBIDDEN', says: denied, hint: OWNER_HINT },
  { exception: 'SecurityException', code: 'FORBIDDEN', says: denied, hint: OWNER_HINT },
  { exception: 'AuthorizationException', code: 'FORBIDDEN', says: denied, hint: OWNER_HINT },
  { exception: 'SafeModeException', code: 'UNAVAILABLE', says: safeMode, hint: SAFE_MODE_HINT },
  {
    exception: 'RetriableException',
    message: /safe ?mode/i,
    code: 'UNAVAILABLE',
    says: safeMode,
    hint: SAFE_MODE_HINT,
  },
  {
    exception: 'RetriableException',
    code: 'UNAVAILABLE',
    says: notActive,
    hint: 'It is starting; try again in a moment.',
  },
  {
    exception: 'StandbyException',
    code: 'UNAVAILABLE',
    says: notActive,
    hint: 'Name all NameNodes in the storage URL.',
  },
  { exception: 'DSQuotaExceededException', code: 'UNAVAILABLE', says: full, hint: ROOM_HINT },
  { exception: 'NSQuotaExceededException', code: 'UNAVAILABLE', says: full, hint: ROOM_HINT },
  { exception: 'QuotaByStorageTypeExceededException', code: 'UNAVAILABLE', says: full, hint: ROOM_HINT },
  { exception: 'AlreadyBeingCreatedException', code: 'UNAVAILABLE', says: beingWritten },
  { exception: 'RecoveryInProgressException', code: 'UNAVAILABLE', says: beingWritten },
  { exception: 'LeaseExpiredException', code: 'UNAVAILABLE', says: beingWritten },
  { exception: 'BlockMissingException', code: 'DATA_LOST', says: noReplica },
  { exception: 'ChecksumException', code: 'DATA_LOST', says: noReplica },
  { exception: 'IOException', message: /no active nodes contain this block/i, code: 'DATA_LOST', says: noReplica },
  { exception: 'IOException', message: /could not obtain block/i, code: 'DATA_LOST', says: noReplica },
  { exception: 'IOException', message: /out of the range/i, code: 'DATA_LOST', says: endsBefore },
  {
    exception: 'IOException',
    message: /failed to find datanode/i,
    code: 'UNAVAILABLE',
    says: noDataNode,
    hint: ROOM_HINT,
  },
  {
    exception: 'IOException',
    message: /could only be (written|replicated) to/i,
    code: 'UNAVAILABLE',
    says: noDataNode,
    hint: ROOM_HINT,
  },
  {
    exception: 'IOException',
    message: /block size.* is less than/i,
    code: 'BAD_USER_INPUT',
    says: path => `HDFS refuses the block size of ${path}`,
  },
  {
    exception: 'IOException',
    message: /replication factor of/i,
    code: 'BAD_USER_INPUT',
    says: path => `HDFS refuses the replication of ${path}`,
  },
  {
    exception: 'IOException',
    message: /must both be directories|destination directory/i,
    code: 'BAD_USER_INPUT',
    says: path => `expected to move ${path} over a file, found a folder there`,
  },
  {
    exception: 'PathComponentTooLongException',
    code: 'BAD_USER_INPUT',
    says: path => `a name in ${path} is too long for HDFS`,
  },
  {
    exception: 'RemoteException',
    message: /path component name limit/i,
    code: 'BAD_USER_INPUT',
    says: path => `a name in ${path} is too long for HDFS`,
  },
  {
    exception: 'HadoopIllegalArgumentException',
    code: 'BAD_USER_INPUT',
    says: path => `HDFS does not take the request about ${path}`,
  },
  { exception: 'InvalidPathException', code: 'BAD_USER_INPUT', says: path => `HDFS does not take ${path} for a path` },
  {
    exception: 'IllegalArgumentException',
    message: /UnknownHostException/,
    code: 'UNAVAILABLE',
    says: path => `a DataNode could not look up a host that it needs for ${path}`,
    hint: 'Try again; if it stays so, check the name server of the DataNodes.',
  },
  {
    exception: 'IllegalArgumentException',
    code: 'BAD_USER_INPUT',
    says: path => `HDFS does not take the request about ${path}`,
  },
  { exception: 'HttpHostConnectException', code: 'UNAVAILABLE', says: notActive },
]

/** Never throws: a proxy's HTML page is an exception called "HTTP <status>". */
export function readRemoteException(status: number, body: string): RemoteException {
  const fallback = { exception: `HTTP ${status}`, message: /^\s*[<[{]/.test(body) ? '' : firstLine(body), status }
  try {
    const answer: unknown = JSON.parse(body)
    if (!isRecord(answer) || !isRecord(answer.RemoteException)) return fallback
    const { exception, message } = answer.RemoteException
    if (typeof exception !== 'string' || !/^[\w$.]{1,100}$/.test(exception)) return fallback
    return { exception, message: firstLine(typeof message === 'string' ? message : ''), status }
  } catch {
    return fallback
  }
}

/** @param doing for example "OPEN"; `path` is the user's, not HDFS's. */
export function toMillraceError(remote: RemoteException, doing: string, path: string): MillraceError {
  const rule = RULES.find(
    ({ exception, message }) => exception === remote.exception && (message?.test(remote.message) ?? true),
  )
  const answer = `${remote.exception}${remote.message && `: ${remote.message}`}`
  const code = rule?.code ?? (remote.status === 401 || remote.exception === 'HTTP 403' ? 'FORBIDDEN' : 'UNAVAILABLE')
  const says = rule?.says(quoted(path)) ?? `expected HDFS to ${doing} ${quoted(path)}, it refused`
  return new MillraceError(code, `${says} (${answer})`, rule?.hint === undefined ? {} : { hint: rule.hint })
}

/** The NameNode asked is standby or still starting: another one may be active. Safe mode is a matter of the active one. */
export function isNotActive({ exception, message }: RemoteException): boolean {
  return exception === 'StandbyException' || (exception === 'RetriableException' && !/safe ?mode/i.test(message))
}

/** OPEN: every replica of the block is on an excluded DataNode, or on none. */
export function isNoReplicaLeft({ message }: RemoteException): boolean {
  return /no active nodes contain this block|failed to find datanode/i.test(message)
}

/** CREATE: every DataNode is excluded, or there is none. */
export function isNoDataNodeLeft({ message }: RemoteException): boolean {
  return /failed to find datanode/i.test(message)
}

/** The NameNode is of a version without the operation. */
export function isUnknownOperation({ exception, message }: RemoteException): boolean {
  return (
    (exception === 'IllegalArgumentException' && /\bop\b|enum constant/i.test(message)) ||
    exception === 'UnsupportedOperationException'
  )
}

/** What a stranger sends must not steer a terminal. */
function firstLine(text: string): string {
  const line = text.trimStart().split(/[\r\n]/, 1)[0] ?? ''
  return line.replace(/\p{Cc}/gu, ' ').slice(0, 300)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
