import type { Clock } from '../../../src/datasources/clock.ts'
import { MillraceError } from '../../../src/errors.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'

/** What can go wrong between a process and the servers. All are probabilities of one request. */
export interface Faults {
  /** The answer never comes; the request was carried out. */
  lostAnswer: number
  /** The answer never comes; the request never came either. */
  lostRequest: number
  /** The answer never comes; the request is carried out long after it was given up. */
  late: number
  /** Refused at once. */
  refused: number
  /** The process is killed right before it sends the request: after all that it decided by. */
  killed: number
  /** The process stands still right before it sends the request, until it is continued. */
  stopped: number
}

export const NO_FAULTS: Faults = { lostAnswer: 0, lostRequest: 0, late: 0, refused: 0, killed: 0, stopped: 0 }

/** A process that can be killed, stopped and continued between any two of its steps. */
export interface Host {
  name: string
  clock: Clock
  /** Sends a request to a server, which carries it out at some time, and gives the answer, or UNAVAILABLE. */
  request<T>(what: string, serve: () => T, signal: AbortSignal | undefined): Promise<T>
  /** Waits for something that a server decides; `settle` is called once, or never. */
  wait<T>(begin: (settle: (answer: T) => void) => () => void, signal: AbortSignal | undefined): Promise<T>
  kill(): void
  stop(): void
  resume(): void
  isAlive(): boolean
  isStopped(): boolean
}

const PATIENCE_MILLIS = 3_000

export function createHost(
  name: string,
  scheduler: Scheduler,
  random: Random,
  faults: () => Faults,
  trace: (line: () => string) => void,
): Host {
  let alive = true
  let stopped = false
  let backlog: (() => void)[] = []

  /** Something comes to the process: now, when it is continued, or never. */
  function deliver(action: () => void): void {
    if (!alive) return
    if (stopped) backlog.push(action)
    else action()
  }

  function wait<T>(begin: (settle: (answer: T) => void) => () => void, signal: AbortSignal | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    const abort = () => {
      cancel()
      reject(signal!.reason as Error)
    }
    const cancel = begin(answer =>
      deliver(() => {
        signal?.removeEventListener('abort', abort)
        resolve(answer)
      }),
    )
    signal?.addEventListener('abort', abort, { once: true })
    return promise
  }

  function kill(): void {
    trace(() => `${name} killed`)
    alive = false
    backlog = []
  }

  function stop(): void {
    trace(() => `${name} stopped`)
    stopped = true
  }

  async function request<T>(what: string, serve: () => T, signal: AbortSignal | undefined): Promise<T> {
    const fate = random.next()
    const { killed, stopped } = faults()
    if (fate < killed) kill()
    else if (fate < killed + stopped) stop()
    if (fate < killed + stopped) await new Promise<void>(resolve => deliver(resolve))
    const outcome = await wait<{ answer: T } | { error: unknown }>(settle => {
      const odds = random.next()
      const { lostAnswer, lostRequest, late, refused } = faults()
      const delay = random.next() < 0.02 ? random.whole(100, 2_000) : random.whole(1, 8)
      const carryOut = (fate: string) => {
        trace(() => `${name} ${what}${fate}`)
        try {
          return { answer: serve() }
        } catch (error) {
          return { error }
        }
      }
      const unavailable = () => settle({ error: new MillraceError('UNAVAILABLE', `no answer to ${what}`) })
      const after = (millis: number, action: () => void) => scheduler.at(scheduler.nowMillis() + millis, action)
      if (odds < lostAnswer) {
        after(delay, () => carryOut(' (answer lost)'))
        return after(PATIENCE_MILLIS, unavailable)
      }
      if (odds < lostAnswer + late) {
        const millis = PATIENCE_MILLIS + random.whole(1, 20_000)
        scheduler.late(scheduler.nowMillis() + millis, () => carryOut(' (long given up)'))
        return after(PATIENCE_MILLIS, unavailable)
      }
      if (odds < lostAnswer + late + lostRequest) return after(PATIENCE_MILLIS, unavailable)
      if (odds < lostAnswer + late + lostRequest + refused) return after(1, unavailable)
      // A request that is under way is carried out although its process is killed or stopped meanwhile.
      after(delay, () => {
        const result = carryOut('')
        if (random.next() < 0.3) after(random.whole(1, 5), () => settle(result))
        else settle(result)
      })
      return () => {}
    }, signal)
    if ('error' in outcome) throw outcome.error
    return outcome.answer
  }

  const clock: Clock = {
    nowMillis: () => scheduler.nowMillis(),
    pause: (millis, signal) =>
      wait<void>(settle => scheduler.at(scheduler.nowMillis() + millis, () => settle()), signal),
    deadline(millis) {
      const controller = new AbortController()
      const reason = new MillraceError('UNAVAILABLE', `not within ${millis} ms`)
      scheduler.at(scheduler.nowMillis() + millis, () => deliver(() => controller.abort(reason)))
      return controller.signal
    },
  }

  return {
    name,
    clock,
    request,
    wait,
    kill,
    stop,
    resume() {
      trace(() => `${name} continued`)
      stopped = false
      const missed = backlog
      backlog = []
      for (const action of missed) scheduler.at(scheduler.nowMillis(), () => deliver(action))
    },
    isAlive: () => alive,
    isStopped: () => stopped,
  }
}
