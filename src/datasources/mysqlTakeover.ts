import { connect, type Socket } from 'node:net'

/** A socket whose bytes somebody else can have for a while. */
export interface SharedSocket {
  socket: Socket
  /** From here on what is received goes to the exchange, and no more to the listeners of 'data'; until it is released. */
  takeOver: (hooks: TakeoverHooks) => SocketExchange
}

export interface SocketExchange {
  write(bytes: Uint8Array): void
  /**
   * `rest`, and after it what came next. Valid until the next read. The server is paused while more than a few packets of the network wait. Throws what
   * failed the connection.
   */
  read(rest: Buffer): Promise<Buffer>
  /** For somebody who is still busy with what was read. */
  throwIfFailed(): void
  release(): void
}

export interface TakeoverHooks {
  /** Called when bytes are waited for again, and when they are not. */
  watch: { start: () => void; stop: () => void }
  /** Has `reject` called where the connection fails; returns how to stop that. */
  onFailure: (reject: (error: unknown) => void) => () => void
}

const CHUNK_BYTES = 64 << 10
/** Before what is received: for the rest of what was received before. */
const HEAD_BYTES = 64 << 10
const READY_BYTES = HEAD_BYTES + 4 * CHUNK_BYTES

/** Receives into one buffer, used again and again: a fresh one of each chunk has the garbage collector run twenty times in a migration. */
export function connectSharedSocket(port: number, host: string): SharedSocket {
  let receive: ((chunk: Uint8Array) => void) | undefined
  const socket = connect({
    port,
    host,
    onread: {
      buffer: Buffer.allocUnsafeSlow(CHUNK_BYTES),
      callback(length, buffer) {
        const chunk = buffer.subarray(0, length)
        if (receive) receive(chunk)
        else socket.emit('data', Buffer.from(chunk))
        return true
      },
    },
  })

  function takeOver({ watch, onFailure }: TakeoverHooks): SocketExchange {
    let incoming = Buffer.allocUnsafeSlow(READY_BYTES)
    let spare = Buffer.allocUnsafeSlow(READY_BYTES)
    let end = HEAD_BYTES
    let isPaused = false
    let failure: { error: unknown } | undefined
    let wake: (() => void) | undefined

    receive = chunk => {
      incoming.set(chunk, end)
      end += chunk.length
      if (end + CHUNK_BYTES > READY_BYTES) {
        isPaused = true
        watch.stop()
        socket.pause()
      }
      wake?.()
    }
    const stopListening = onFailure(error => {
      failure ??= { error }
      wake?.()
    })
    watch.start()

    /** All that is there, and the other buffer for what comes next. */
    const swap = (rest: Buffer): Buffer => {
      const [received, receivedEnd] = [incoming, end]
      const start = HEAD_BYTES - rest.length
      if (start >= 0) received.set(rest, start)
      const all =
        start >= 0
          ? received.subarray(start, receivedEnd)
          : Buffer.concat([rest, received.subarray(HEAD_BYTES, receivedEnd)])
      incoming = spare
      spare = received
      end = HEAD_BYTES
      if (isPaused) {
        isPaused = false
        watch.start()
        socket.resume()
      }
      return all
    }

    const throwIfFailed = () => {
      if (failure) throw failure.error
    }

    return {
      write: bytes => void socket.write(bytes),
      async read(rest) {
        for (;;) {
          throwIfFailed()
          if (end > HEAD_BYTES) return swap(rest)
          await new Promise<void>(resolve => {
            wake = resolve
          })
          wake = undefined
        }
      },
      throwIfFailed,
      release() {
        watch.stop()
        stopListening()
        receive = undefined
      },
    }
  }

  return { socket, takeOver }
}
