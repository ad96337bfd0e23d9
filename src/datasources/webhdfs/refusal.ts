import http from 'node:http'
import https from 'node:https'
import type { HostAddresses } from './hostAddresses.ts'
import { type RemoteException, readRemoteException } from './remoteException.ts'
import type { WebHdfsSettings } from './settings.ts'
import { readReply } from './upload.ts'

/**
 * Why a DataNode broke off a CREATE without a word. A DataNode that refuses (permissions, safe mode, quota, no room)
 * answers and closes at once, and as it has not read what was sent to it, the operating system discards its answer. So
 * the same CREATE is sent again with one byte, in one packet with the request: that is read, and the answer arrives.
 *
 * undefined where this one was not refused: then the connection broke for another reason. A byte may lie at the path.
 */
export async function askForRefusal(
  location: URL,
  { lookup }: HostAddresses,
  settings: WebHdfsSettings,
  signal: AbortSignal,
): Promise<RemoteException | undefined> {
  const answered = Promise.withResolvers<http.IncomingMessage>()
  const limit = AbortSignal.any([signal, AbortSignal.timeout(settings.connectMillis + settings.probeMillis)])
  const { request } = location.protocol === 'https:' ? https : http
  const headers = { 'content-type': 'application/octet-stream', 'content-length': 1 }
  const put = request(location, { method: 'PUT', agent: false, lookup, headers, signal: limit })
  put.on('error', answered.reject)
  put.on('response', answered.resolve)
  put.end('x')
  try {
    const { status, body } = await readReply(await answered.promise)
    return status < 400 ? undefined : readRemoteException(status, body)
  } catch {
    signal.throwIfAborted()
    return undefined
  } finally {
    put.destroy()
  }
}
