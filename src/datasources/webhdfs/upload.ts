import http from 'node:http'
import https from 'node:https'
import type { Content } from '../storage.ts'
import { ConnectionFailure, type Failure } from './failure.ts'
import type { HostAddresses } from './hostAddresses.ts'
import { type Liveness, watchSilence } from './liveness.ts'
import type { WebHdfsSettings } from './settings.ts'

export interface Reply {
  status: number
  body: string
}

export interface Upload {
  location: URL
  /** Its transfer address. */
  node: string
  content: Content
  hosts: HostAddresses
  settings: WebHdfsSettings
  liveness: Liveness
  signal: AbortSignal
  /** The DataNode is ready to receive: nothing of `content` has been taken before. */
  onReady: () => void
}

/** Enough for any RemoteException. */
const REPLY_LIMIT = 64 * 1024

/**
 * PUTs content to a DataNode and returns its reply. Through node:http, because DataNodes send a "100 Continue" that
 * nobody asked for, which undici takes for a fault; we ask for it, and take its absence for a hung DataNode.
 *
 * Throws the content's own error where that fails, the signal's reason, or the connection's failure. Holds no more
 * than one chunk of content and what the socket has buffered.
 */
export async function upload({
  location,
  node,
  content,
  hosts,
  settings,
  liveness,
  signal,
  onReady,
}: Upload): Promise<Reply> {
  signal.throwIfAborted()
  const { request } = location.protocol === 'https:' ? https : http
  const put = request(location, {
    method: 'PUT',
    agent: false,
    lookup: hosts.lookup,
    headers: { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked', expect: '100-continue' },
  })
  // One condition variable in the place of promises raced anew for every chunk, which would pile up on the long-lived ones.
  const state: { connected?: true; ready?: true; reply?: Reply; failed?: { error: unknown } } = {}
  let wake = () => {}
  const fail = (error: unknown) => {
    state.failed ??= { error }
    wake()
  }
  const deadline = createDeadline(location.host, fail)
  const abort = () => fail(signal.reason)

  /** The first value that `check` gives, looking again whenever something has happened. */
  async function until<T>(check: () => T | undefined): Promise<T> {
    for (;;) {
      if (state.failed) throw state.failed.error
      const value = check()
      if (value !== undefined) return value
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
  }

  signal.addEventListener('abort', abort, { once: true })
  put.on('error', fail)
  put.on('drain', () => wake())
  put.on('continue', () => {
    state.ready = true
    wake()
  })
  put.on('response', response => {
    readReply(response).then(reply => {
      state.reply = reply
      wake()
    }, fail)
  })
  put.on('socket', socket => {
    socket.once(location.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      state.connected = true
      wake()
    })
  })

  try {
    deadline.set(settings.connectMillis, 'unreachable')
    put.flushHeaders()
    await until(() => state.connected)
    await untilReady()
    if (state.reply) return state.reply
    onReady()
    const early = await sendContent()
    if (early) return early
    put.end()
    deadline.set(settings.writeReplyMillis, 'silent')
    return await until(() => state.reply)
  } finally {
    deadline.clear()
    signal.removeEventListener('abort', abort)
    put.destroy()
  }

  async function untilReady(): Promise<void> {
    deadline.set(settings.dataNodeIdleMillis, 'silent')
    const endWatch = watchSilence(liveness, { location, node }, settings, alive => {
      if (!alive) fail(new ConnectionFailure('hung', location.host))
    })
    try {
      await until(() => state.reply ?? state.ready)
    } finally {
      endWatch()
      deadline.clear()
    }
  }

  /** The reply, where the DataNode gives it before it has all. */
  async function sendContent(): Promise<Reply | undefined> {
    const iterator = iteratorOf(content)
    let pending = false
    try {
      for (;;) {
        let next: IteratorResult<Uint8Array> | undefined
        pending = true
        Promise.resolve(iterator.next()).then(
          result => {
            pending = false
            next = result
            wake()
          },
          (error: unknown) => {
            pending = false
            fail(error)
          },
        )
        const arrived = await until(() => state.reply ?? next)
        if ('status' in arrived) return arrived
        if (arrived.done) return undefined
        const early = await sendChunk(arrived.value)
        if (early) return early
      }
    } finally {
      // Tells the content to let go of what it holds. One that is busy hears of it when it is done: nobody waits for that.
      const ending = Promise.resolve(iterator.return?.()).catch(() => {})
      if (!pending) await ending
    }
  }

  async function sendChunk(chunk: Uint8Array): Promise<Reply | undefined> {
    for (let start = 0; start < chunk.length; start += settings.writeSliceBytes) {
      if (put.write(chunk.subarray(start, start + settings.writeSliceBytes))) continue
      deadline.set(settings.writeIdleMillis, 'silent')
      await until(() => state.reply ?? (put.writableNeedDrain ? undefined : true))
      deadline.clear()
      if (state.reply) return state.reply
    }
    return undefined
  }
}

function createDeadline(host: string, fail: (error: Error) => void) {
  let timer: NodeJS.Timeout | undefined
  return {
    set(millis: number, failure: Failure) {
      clearTimeout(timer)
      timer = setTimeout(() => fail(new ConnectionFailure(failure, `${host}: nothing for ${millis} ms`)), millis)
    },
    clear: () => clearTimeout(timer),
  }
}

export async function readReply(response: http.IncomingMessage): Promise<Reply> {
  response.setEncoding('utf8')
  let body = ''
  for await (const text of response) if (body.length < REPLY_LIMIT) body += text
  return { status: response.statusCode ?? 0, body }
}

function iteratorOf(content: Content): Iterator<Uint8Array> | AsyncIterator<Uint8Array> {
  return Symbol.asyncIterator in content ? content[Symbol.asyncIterator]() : content[Symbol.iterator]()
}
