import type { Socket } from 'node:net'
import type { Fault } from './proxy.ts'

/** One direction of one connection through a proxy. */
export interface Passage {
  faultChanged(): void
  /** Drops what waits. */
  stop(): void
  /** Resolves when nothing will be passed on any more. */
  over: Promise<void>
}

export interface PassageOptions {
  /** The fault of now. */
  fault: () => Fault
  /** Told how many bytes have been passed on. */
  passed: (bytes: number) => void
}

/** Bytes that wait for their time; the sender is paused beyond them. */
const WAITING_BYTES = 1 << 20
/** Cut bandwidth comes in pieces of so long, as from a slow line, and not in one lump. */
const PIECE_MILLIS = 50

/** Passes on what `from` says to `to`, in order and with the faults of the moment, and then that it has ended. */
export function passOn(from: Socket, to: Socket, { fault, passed }: PassageOptions): Passage {
  const waiting: { bytes: Buffer; arrivedAtMillis: number }[] = []
  let waitingBytes = 0
  let endedAtMillis: number | undefined
  /** Since the fault's beginning. */
  let passedBytes = 0
  /** When the line is free for the next byte. */
  let freeAtMillis = 0
  let stopped = false
  let wake = () => {}

  from.on('data', (bytes: Buffer) => {
    if (stopped) return
    waiting.push({ bytes, arrivedAtMillis: performance.now() })
    waitingBytes += bytes.length
    if (waitingBytes >= WAITING_BYTES) from.pause()
    wake()
  })
  from.on('end', () => {
    endedAtMillis = performance.now()
    wake()
  })
  to.on('drain', () => wake())
  const over = run()

  async function run(): Promise<void> {
    while (!stopped && !to.destroyed) {
      const pauseMillis = step(performance.now())
      if (pauseMillis > 0) await sleep(pauseMillis)
      else await new Promise(resolve => setImmediate(resolve)) // a turn of its own gives a slice a packet of its own
    }
    stopped = true
    from.resume() // what nobody takes any more must not hide the end
  }

  /** Does what is due. Returns for how long nothing will be, unless something happens. */
  function step(now: number): number {
    const { latencyMillis = 0, bytesPerSecond = Infinity, sliceBytes = Infinity, limit } = fault()
    const next = waiting[0]
    if (!next) return endedAtMillis === undefined ? Infinity : passEnd(endedAtMillis, now)
    const left = limit ? limit.bytes - passedBytes : Infinity
    if (limit && left <= 0) return breakOff(limit.outcome)
    if (to.writableNeedDrain) return Infinity
    const pauseMillis = Math.max(next.arrivedAtMillis + latencyMillis, freeAtMillis) - now
    if (pauseMillis > 0) return pauseMillis
    const pieceBytes = Math.max(1, Math.floor((bytesPerSecond * PIECE_MILLIS) / 1000))
    const bytes = Math.min(next.bytes.length, sliceBytes, pieceBytes, left)
    freeAtMillis = now + (bytes / bytesPerSecond) * 1000
    write(next, bytes)
    return 0
  }

  function write(next: { bytes: Buffer }, bytes: number): void {
    to.write(next.bytes.subarray(0, bytes))
    next.bytes = next.bytes.subarray(bytes)
    if (next.bytes.length === 0) waiting.shift()
    waitingBytes -= bytes
    passedBytes += bytes
    passed(bytes)
    if (waitingBytes < WAITING_BYTES) from.resume()
  }

  function passEnd(endedAt: number, now: number): number {
    const pauseMillis = endedAt + (fault().closeDelayMillis ?? 0) - now
    if (pauseMillis > 0) return pauseMillis
    if (fault().limit?.outcome === 'silence' && passedBytes >= fault().limit!.bytes) return Infinity
    to.end()
    stopped = true
    return 0
  }

  function breakOff(how: 'reset' | 'end' | 'silence'): number {
    if (how === 'silence') return Infinity
    stopped = true
    if (how === 'reset') {
      from.resetAndDestroy()
      to.resetAndDestroy()
    } else to.end(() => from.destroy())
    return 0
  }

  /** Until something happens, or the time is over. */
  async function sleep(millis: number): Promise<void> {
    const timer = Number.isFinite(millis) ? setTimeout(() => wake(), millis) : undefined
    await new Promise<void>(resolve => {
      wake = resolve
    })
    clearTimeout(timer)
  }

  return {
    faultChanged() {
      passedBytes = 0
      freeAtMillis = 0
      wake()
    },
    stop() {
      stopped = true
      wake()
    },
    over,
  }
}
