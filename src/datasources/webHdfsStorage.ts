import { hasCode, MillraceError } from '../errors.ts'
import { abortable, pause } from './abortable.ts'
import type { Call } from './call.ts'
import type { FileStatus, Storage } from './storage.ts'
import { childOf, parentOf, quoted } from './storagePath.ts'
import { doneAnswer, fileStatusAnswer, listStatusAnswer, readAnswer, toFileStatus } from './webhdfs/answers.ts'
import { createDataNodes } from './webhdfs/dataNodes.ts'
import { createBlockLocator } from './webhdfs/fileBlocks.ts'
import { createHostAddresses } from './webhdfs/hostAddresses.ts'
import { createLiveness } from './webhdfs/liveness.ts'
import { createNameNode, hdfsPath, NameNodeError } from './webhdfs/nameNode.ts'
import { createNodeHealth } from './webhdfs/nodeHealth.ts'
import { createFileReader } from './webhdfs/openFile.ts'
import { type WebHdfsSettings, webHdfsDefaults } from './webhdfs/settings.ts'
import { formatWebHdfsUrl, type WebHdfsAddress } from './webhdfs/url.ts'
import { createFileWriter } from './webhdfs/writeFile.ts'

export { parseWebHdfsUrl } from './webhdfs/url.ts'

export interface WebHdfsOptions extends WebHdfsAddress {
  /** What differs from webHdfsDefaults. */
  settings?: Partial<WebHdfsSettings>
}

/** HDFS through the HTTP servers of its NameNodes and DataNodes; connects when first used. See docs/architecture.md. */
export function webHdfsStorage({ nameNodes, user, root, settings: changes }: WebHdfsOptions): Storage {
  const address = { nameNodes, user, root }
  const settings = { ...webHdfsDefaults, ...changes }
  const hosts = createHostAddresses(settings)
  const nameNode = createNameNode(address, hosts, settings)
  const dataNodes = createDataNodes(nameNode, hosts)
  const liveness = createLiveness(hosts, settings)
  const health = createNodeHealth(settings, liveness, { nowMillis: () => performance.now(), pause })
  const reader = createFileReader({ nameNode, dataNodes, hosts, health, liveness, settings, stat })
  const writer = createFileWriter({ nameNode, dataNodes, hosts, health, liveness, settings })
  const blockLocations = createBlockLocator(nameNode, stat)

  async function stat(path: string, call: Call = {}): Promise<FileStatus> {
    const op = 'GETFILESTATUS'
    const answer = await nameNode.ask({ method: 'GET', op, path }, call)
    return toFileStatus(readAnswer(fileStatusAnswer, answer, op).FileStatus, path)
  }

  async function list(folder: string, call: Call): Promise<FileStatus[]> {
    const op = 'LISTSTATUS'
    let answer: unknown
    try {
      answer = await nameNode.ask({ method: 'GET', op, path: folder }, call)
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return []
      throw error
    }
    const children = readAnswer(listStatusAnswer, answer, op).FileStatuses.FileStatus
    if (children.some(({ pathSuffix }) => pathSuffix === '')) {
      throw new MillraceError('BAD_USER_INPUT', `expected a folder at ${quoted(folder)}, found a file`)
    }
    return children
      .map(child => toFileStatus(child, childOf(folder, child.pathSuffix)))
      .sort((left, right) => (left.path < right.path ? -1 : 1))
  }

  /**
   * With NONE a NameNode renames as with OVERWRITE but never replaces; without options it would answer "false" to a taken target, a
   * missing source and a missing folder alike.
   */
  async function rename(from: string, to: string, renameoptions: 'OVERWRITE' | 'NONE', call: Call): Promise<void> {
    const parameters = { destination: hdfsPath(root, to), renameoptions }
    const operation = { method: 'PUT', op: 'RENAME', path: from, parameters, once: true } as const
    try {
      await nameNode.ask(operation, call)
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
      // Either end may be missing, and the answer does not say reliably which: the source, or the folder of the target.
      await stat(from, call)
      await makeFolder(parentOf(to), call)
      await nameNode.ask(operation, call)
    }
  }

  async function renameNew(from: string, to: string, call: Call): Promise<void> {
    try {
      await rename(from, to, 'NONE', call)
    } catch (error) {
      if (!(error instanceof NameNodeError && error.remote.exception === 'FileAlreadyExistsException')) throw error
      const { kind } = await stat(to, call)
      const code = kind === 'folder' ? 'BAD_USER_INPUT' : 'CONFLICT'
      throw new MillraceError(code, `expected nothing at ${quoted(to)}, found a ${kind}`, { cause: error })
    }
  }

  async function makeFolder(path: string, call: Call): Promise<void> {
    const op = 'MKDIRS'
    const { boolean } = readAnswer(doneAnswer, await nameNode.ask({ method: 'PUT', op, path }, call), op)
    if (!boolean) throw new MillraceError('UNAVAILABLE', `HDFS did not make the folder ${quoted(path)}`)
  }

  async function remove(path: string, call: Call): Promise<void> {
    parentOf(path)
    try {
      await nameNode.ask({ method: 'DELETE', op: 'DELETE', path, parameters: { recursive: true } }, call)
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
    }
  }

  /** Asks the active NameNode about "/" first: its status page would answer on a standby too. */
  async function ping(call: Call): Promise<string> {
    await stat('/', call).catch(error => {
      // A root folder that nobody has written to yet is made with the first file.
      if (!hasCode(error, 'NOT_FOUND')) throw error
    })
    const { version, safeMode, live, dead } = await abortable(dataNodes.overview(), call.signal)
    if (safeMode !== '') {
      throw new MillraceError('UNAVAILABLE', 'HDFS is in safe mode: it can be read but not written', {
        hint: 'A NameNode that is starting leaves safe mode by itself once its DataNodes have reported.',
      })
    }
    if (live === 0) {
      throw new MillraceError('UNAVAILABLE', `HDFS has no live DataNode (${dead} dead)`, { hint: 'Start a DataNode.' })
    }
    return `Hadoop ${version}, NameNode ${nameNode.active()}, ${live} live and ${dead} dead DataNodes`
  }

  return {
    kind: 'webhdfs',
    url: formatWebHdfsUrl(address),
    stat,
    list: (folder, call = {}) => list(folder, call),
    read: (path, range, call = {}) => reader.read(path, range, call),
    create: (path, content, layout, call = {}) => writer.write(path, content, layout, call),
    rename: (from, to, call = {}) => rename(from, to, 'OVERWRITE', call),
    renameNew: (from, to, call = {}) => renameNew(from, to, call),
    remove: (path, call = {}) => remove(path, call),
    blockLocations: (path, call = {}) => blockLocations(path, call),
    dataNodes: (call = {}) => abortable(dataNodes.statuses(), call.signal),
    ping: (call = {}) => ping(call),
    isImpaired: () => health.isImpaired(),
    async close() {
      writer.close()
      health.close()
      await Promise.all([reader.close(), liveness.close(), nameNode.close()])
    },
  }
}
