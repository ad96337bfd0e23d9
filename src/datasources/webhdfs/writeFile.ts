import { MillraceError } from '../../errors.ts'
import { abortable } from '../abortable.ts'
import type { Call } from '../call.ts'
import type { Content, FileLayout } from '../storage.ts'
import { quoted } from '../storagePath.ts'
import type { DataNodes } from './dataNodes.ts'
import { describeFailure, type Failure, failureOf } from './failure.ts'
import type { HostAddresses } from './hostAddresses.ts'
import type { Liveness } from './liveness.ts'
import { type NameNode, NameNodeError } from './nameNode.ts'
import type { NodeHealth } from './nodeHealth.ts'
import { askForRefusal } from './refusal.ts'
import { isNoDataNodeLeft, readRemoteException, toMillraceError } from './remoteException.ts'
import type { WebHdfsSettings } from './settings.ts'
import { upload } from './upload.ts'

export interface FileWriter {
  /** Errors as Storage.create has them. */
  write(path: string, content: Content, layout: FileLayout, call: Call): Promise<void>
  close(): void
}

export interface FileWriterParts {
  nameNode: NameNode
  dataNodes: DataNodes
  hosts: HostAddresses
  health: NodeHealth
  liveness: Liveness
  settings: WebHdfsSettings
}

export function createFileWriter({
  nameNode,
  dataNodes,
  hosts,
  health,
  liveness,
  settings,
}: FileWriterParts): FileWriter {
  const closing = new AbortController()

  /**
   * Another DataNode is tried only where the first has been sent nothing: a CREATE that a hung DataNode has received can
   * run minutes later and replace the file of that name. Whoever wants to try again after that takes another name.
   */
  async function write(path: string, content: Content, layout: FileLayout, call: Call): Promise<void> {
    const unconnected = new Map<string, string>()
    let everyNodeExcluded = false
    for (;;) {
      const excluded = everyNodeExcluded ? [] : [...new Set([...unconnected.keys(), ...health.remembered().keys()])]
      const location = await locate(path, layout, excluded, call)
      if (location === undefined) {
        everyNodeExcluded = true
        continue
      }
      const node = await abortable(dataNodes.identify(location, excluded), call.signal)
      const failure = await send(path, location, node, content, call)
      if (failure === undefined) return
      if (unconnected.has(node)) throw noDataNode(path, [...unconnected.values()])
      unconnected.set(node, describeFailure(location.host, failure))
    }
  }

  /** undefined where the NameNode has no DataNode outside `excluded`. */
  async function locate(path: string, layout: FileLayout, excluded: string[], call: Call): Promise<URL | undefined> {
    const parameters = {
      overwrite: true,
      replication: layout.replication,
      blocksize: layout.blockBytes,
      ...(excluded.length > 0 && { excludedatanodes: excluded.join(',') }),
    }
    try {
      return await nameNode.locate({ method: 'PUT', op: 'CREATE', path, parameters }, call)
    } catch (error) {
      if (excluded.length > 0 && error instanceof NameNodeError && isNoDataNodeLeft(error.remote)) return undefined
      throw error
    }
  }

  /** Returns the failure where nothing was sent; throws for every other. */
  async function send(
    path: string,
    location: URL,
    node: string,
    content: Content,
    call: Call,
  ): Promise<Failure | undefined> {
    const signal = call.signal ? AbortSignal.any([call.signal, closing.signal]) : closing.signal
    let ready = false
    let contentFailed: { error: unknown } | undefined
    async function* watched() {
      try {
        yield* content
      } catch (error) {
        contentFailed = { error }
        throw error
      }
    }
    try {
      if (call.cost) call.cost.requests += 1
      const onReady = () => {
        ready = true
        health.answered(node)
      }
      const reply = await upload({ location, node, content: watched(), hosts, settings, liveness, signal, onReady })
      if (reply.status === 201) return undefined
      throw toMillraceError(readRemoteException(reply.status, reply.body), 'CREATE', path)
    } catch (error) {
      signal.throwIfAborted()
      if (contentFailed) throw contentFailed.error
      const failure = failureOf(error)
      if (failure === undefined) throw error
      if (!ready) health.failed(node, failure, location)
      if (failure === 'refused' || failure === 'unreachable') return failure
      await throwRefusal(path, location, failure, signal, call)
      throw interrupted(path, location, failure, error)
    }
  }

  async function throwRefusal(path: string, location: URL, failure: Failure, signal: AbortSignal, call: Call) {
    if (failure !== 'reset') return
    if (call.cost) call.cost.requests += 1
    const refusal = await askForRefusal(location, hosts, settings, signal)
    if (refusal) throw toMillraceError(refusal, 'CREATE', path)
  }

  return {
    write,
    close: () =>
      closing.abort(new MillraceError('UNAVAILABLE', 'the storage was closed while a file was being written')),
  }
}

function noDataNode(path: string, troubles: string[]): MillraceError {
  return new MillraceError('UNAVAILABLE', `no DataNode takes ${quoted(path)}: ${troubles.join('; ')}`, {
    hint: 'Start DataNodes; a NameNode goes on naming dead ones for some minutes.',
  })
}

function interrupted(path: string, location: URL, failure: Failure, cause: unknown): MillraceError {
  return new MillraceError(
    'UNAVAILABLE',
    `writing ${quoted(path)} was interrupted: ${describeFailure(location.host, failure)}`,
    { hint: 'What lies at that path now is no whole file; write it again under another name.', cause },
  )
}
