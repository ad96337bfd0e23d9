import type { Logger } from 'pino'
import { type ErrorCode, hasCode, MillraceError } from '../errors.ts'
import { atMostEvery, type Paced } from './atMostEvery.ts'
import { type Broadcast, createBroadcast } from './broadcast.ts'
import { etaSeconds, nextRate, type Rate, startRate } from './estimate.ts'
import { openHistory } from './history.ts'
import type { Job, JobControl, JobKind, JobState, Jobs, StartOptions, Work } from './job.ts'
import { createIdMaker } from './jobId.ts'
import { describeProgress } from './words.ts'

export interface JobsOptions {
  /** The sqlite file, made with its folder where it is not there; ':memory:' forgets all at close. */
  file: string
  log?: Pick<Logger, 'error' | 'warn'>
  /** Milliseconds since 1970. */
  clock?: () => number
}

/** Jobs kept in the history, newest first. */
const keptJobs = 1_000
const saveMillis = 500
const publishMillis = 100
/** Jobs that may wait in one lane. */
const mostWaiting = 20

/** A job of this process. */
interface ActiveJob {
  job: Job
  /** Undefined where the kind is the lane. */
  lane: string | undefined
  rate: Rate
  controller: AbortController
  watchers: Broadcast<Job>
  savePaced: Paced
  publishPaced: Paced
  /** The job at its end; never rejects. */
  ended: Promise<Job>
}

/**
 * One job of a kind, or of a lane, at a time. Progress lives in memory; the history gets it at most twice a second and at each change of
 * state, watchers at most ten times a second. CONFLICT where another process uses the file.
 */
export function createJobs({ file, log, clock = Date.now }: JobsOptions): Jobs {
  const history = openHistory(file, { keep: keptJobs, now: clock() })
  const makeId = createIdMaker(clock)
  const active = new Map<string, ActiveJob>()
  let closed: Promise<void> | undefined

  function get(id: string): Job {
    const job = active.get(id)?.job ?? history.find(id)
    if (job) return copyOf(job)
    throw new MillraceError('NOT_FOUND', `No job has the id ${JSON.stringify(id.slice(0, 100))}.`, {
      hint: `The jobs query lists the newest; the last ${keptJobs.toLocaleString('en-US')} are kept.`,
    })
  }

  function start(kind: JobKind, work: Work, { lane }: StartOptions = {}): Job {
    if (closed) throw new MillraceError('UNAVAILABLE', 'The server is stopping and starts no more jobs.')
    const before = unended(entry => (lane === undefined ? entry.job.kind === kind : entry.lane === lane))
    // In a lane the first of them runs, the others wait.
    const inTheWay = lane === undefined ? before[0] : before[mostWaiting]
    if (inTheWay) throw refusal(inTheWay.job)
    const now = clock()
    const job: Job = {
      id: makeId(),
      kind,
      state: 'QUEUED',
      progress: { done: 0, total: null, unit: '', bytes: 0, etaSeconds: null },
      createdAt: new Date(now),
      startedAt: null,
      finishedAt: null,
      message: null,
      hint: null,
      errorCode: null,
    }
    history.add(job)
    const watchers = createBroadcast<Job>()
    const controller = new AbortController()
    const entry: ActiveJob = {
      job,
      lane,
      rate: startRate(0, now),
      controller,
      watchers,
      savePaced: atMostEvery(saveMillis, () => save(job)),
      publishPaced: atMostEvery(publishMillis, () => watchers.publish(copyOf(job))),
      // After this turn, so that the caller sees the job queued.
      ended: turn(before, controller.signal).then(() => run(entry, work)),
    }
    active.set(job.id, entry)
    return copyOf(job)
  }

  /** Those that wait or run, oldest first. */
  function unended(belongs: (entry: ActiveJob) => boolean): ActiveJob[] {
    return [...active.values()].filter(entry => !hasEnded(entry.job) && belongs(entry))
  }

  async function run(entry: ActiveJob, work: Work): Promise<Job> {
    const { job, controller } = entry
    const now = new Date(clock())
    entry.rate = startRate(0, now.getTime())
    try {
      controller.signal.throwIfAborted()
      change(entry, { state: 'RUNNING', startedAt: now })
      const message = await work(controlOf(entry))
      finish(entry, { state: 'SUCCEEDED', message })
    } catch (error) {
      finish(entry, outcomeOf(entry, error))
    }
    return copyOf(job)
  }

  function controlOf(entry: ActiveJob): JobControl {
    const { job, controller } = entry
    return {
      signal: controller.signal,
      report({ done, total, unit, bytes }) {
        if (hasEnded(job)) return
        const { progress } = job
        if (unit !== undefined && unit !== progress.unit) {
          progress.unit = unit
          entry.rate = startRate(done ?? 0, clock())
        }
        if (total !== undefined) progress.total = total
        if (bytes !== undefined) progress.bytes = bytes
        if (done !== undefined) progress.done = done
        entry.rate = nextRate(entry.rate, progress.done, clock())
        progress.etaSeconds = etaSeconds(entry.rate, progress.done, progress.total)
        changed(entry)
      },
      say(message) {
        if (hasEnded(job)) return
        job.message = message
        changed(entry)
      },
    }
  }

  function changed({ savePaced, publishPaced }: ActiveJob): void {
    savePaced.request()
    publishPaced.request()
  }

  /** What a work that threw leaves behind. Whatever it threw after cancel() is the cancel's doing. */
  function outcomeOf({ job, controller }: ActiveJob, error: unknown): Partial<Job> & { state: JobState } {
    if (controller.signal.aborted || hasCode(error, 'CANCELLED')) {
      const expected = error === controller.signal.reason || hasCode(error, 'CANCELLED') || isAbort(error)
      if (!expected)
        log?.warn({ jobId: job.id, kind: job.kind, err: error }, 'a cancelled job ended with another error')
      const why = hasCode(controller.signal.reason, 'CANCELLED')
        ? controller.signal.reason.message
        : 'The job was cancelled.'
      const at = job.startedAt ? ` It was at ${describeProgress(job.progress)}.` : ''
      return { state: 'CANCELLED', errorCode: 'CANCELLED', message: why + at }
    }
    if (error instanceof MillraceError && error.code !== 'INTERNAL') {
      return failed(error.code, error.message, error.hint)
    }
    log?.error({ jobId: job.id, kind: job.kind, err: error }, 'a job failed for an unforeseen reason')
    const hint = `The log of the server tells it, under job ${job.id}.`
    return failed('INTERNAL', 'The job failed for a reason that Millrace did not foresee.', hint)
  }

  function finish(entry: ActiveJob, outcome: Partial<Job> & { state: JobState }): void {
    entry.job.progress.etaSeconds = null
    const saved = change(entry, { ...outcome, finishedAt: new Date(clock()) })
    entry.watchers.end()
    // One that could not be saved is remembered here, or people would see it running for ever.
    if (saved) active.delete(entry.job.id)
  }

  /** Saves and shows a change at once; what was due of earlier ones is part of it. */
  function change(entry: ActiveJob, changes: Partial<Job>): boolean {
    Object.assign(entry.job, changes)
    entry.savePaced.cancel()
    entry.publishPaced.cancel()
    entry.watchers.publish(copyOf(entry.job))
    return save(entry.job)
  }

  /** A full disk must not end the work itself: what it does is worth more than the record of it. */
  function save(job: Job): boolean {
    try {
      history.save(job)
      return true
    } catch (error) {
      log?.error({ jobId: job.id, kind: job.kind, err: error }, 'the history of jobs cannot be written')
      return false
    }
  }

  async function cancel(id: string): Promise<Job> {
    const job = get(id)
    const entry = active.get(id)
    if (!entry || hasEnded(job)) {
      throw new MillraceError('CONFLICT', `Job ${id} cannot be cancelled: it has ended as ${job.state}.`, {
        hint: 'Only a queued or running job can be cancelled.',
      })
    }
    entry.controller.abort(new MillraceError('CANCELLED', 'The job was cancelled.'))
    return entry.ended
  }

  async function closeAll(): Promise<void> {
    for (const { controller } of active.values()) {
      controller.abort(new MillraceError('CANCELLED', 'The job was cancelled because the server was stopped.'))
    }
    await Promise.all(Array.from(active.values(), entry => entry.ended))
    history.close()
  }

  return {
    start,
    get,
    list: filter => history.list(filter).map(job => copyOf(active.get(job.id)?.job ?? job)),
    cancel,
    finished: async id => active.get(id)?.ended ?? get(id),
    watch(id) {
      const job = get(id)
      const entry = active.get(id)
      if (entry) return entry.watchers.read(job)
      const ended = createBroadcast<Job>()
      ended.end()
      return ended.read(job)
    },
    close() {
      closed ??= closeAll()
      return closed
    },
  }
}

/** The message alone must do for a person, so it has the hint too; `hint` is for programs that show the two apart. */
function failed(errorCode: ErrorCode, message: string, hint?: string): Partial<Job> & { state: JobState } {
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`
  return {
    state: 'FAILED',
    errorCode,
    message: hint === undefined ? message : `${sentence} ${hint}`,
    hint: hint ?? null,
  }
}

function refusal({ id, kind, state, progress }: Job): MillraceError {
  const at = state === 'RUNNING' ? `, at ${describeProgress(progress)}` : ''
  return new MillraceError('CONFLICT', `A ${kind} job is ${state.toLowerCase()} already: ${id}${at}.`, {
    hint: `Follow it with jobProgress(id: "${id}"), or stop it with cancelJob(id: "${id}").`,
  })
}

/** When all of these have ended, or the signal says not to wait. */
async function turn(before: ActiveJob[], signal: AbortSignal): Promise<void> {
  const aborted = new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))
  await Promise.race([Promise.all(before.map(({ ended }) => ended)), aborted])
}

function hasEnded({ state }: Job): boolean {
  return state !== 'QUEUED' && state !== 'RUNNING'
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}

function copyOf(job: Job): Job {
  return { ...job, progress: { ...job.progress } }
}
