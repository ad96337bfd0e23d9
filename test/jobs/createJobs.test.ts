import { afterEach, describe, expect, it, vi } from 'vitest'
import { MillraceError } from '../../src/errors.ts'
import { createJobs, type JobsOptions } from '../../src/jobs/createJobs.ts'
import type { Job, JobControl, Jobs } from '../../src/jobs/job.ts'
import { collect } from './collect.ts'

const open: Jobs[] = []
function jobsInMemory(options: Partial<JobsOptions> = {}): Jobs {
  const jobs = createJobs({ file: ':memory:', ...options })
  open.push(jobs)
  return jobs
}
afterEach(async () => {
  await Promise.all(open.splice(0).map(jobs => jobs.close()))
})

/** A work that the test drives by hand and that ends when it is cancelled. */
function drivenWork() {
  const started = Promise.withResolvers<JobControl>()
  const outcome = Promise.withResolvers<string>()
  return {
    started: started.promise,
    succeed: outcome.resolve,
    fail: outcome.reject,
    work: (control: JobControl) => {
      control.signal.addEventListener('abort', () => outcome.reject(control.signal.reason))
      started.resolve(control)
      return outcome.promise
    },
  }
}

describe('a job', () => {
  it('is queued when start returns, then runs, then succeeds with the message of its work', async () => {
    let now = 1_000_000
    const jobs = jobsInMemory({ clock: () => now })
    const { work, started, succeed } = drivenWork()
    const job = jobs.start('MIGRATE_LOANS', work)
    expect(job).toMatchObject({
      kind: 'MIGRATE_LOANS',
      state: 'QUEUED',
      startedAt: null,
      createdAt: new Date(1_000_000),
    })

    await started
    expect(jobs.get(job.id)).toMatchObject({ state: 'RUNNING', startedAt: new Date(1_000_000), finishedAt: null })

    now += 5_000
    succeed('Copied 12 rows.')
    expect(await jobs.finished(job.id)).toMatchObject({
      state: 'SUCCEEDED',
      message: 'Copied 12 rows.',
      finishedAt: new Date(1_005_000),
      errorCode: null,
      hint: null,
    })
    expect(await jobs.finished(job.id)).toEqual(jobs.get(job.id))
  })

  it('shows rows, bytes and the time that is left', async () => {
    let now = 0
    const jobs = jobsInMemory({ clock: () => now })
    const { work, started } = drivenWork()
    const { id } = jobs.start('MIGRATE_LOANS', work)
    const { report, say } = await started
    say('Waiting for the source.')
    report({ done: 0, total: 400, unit: 'rows', bytes: 0 })
    now = 2_000
    report({ done: 100, bytes: 5_000 })
    expect(jobs.get(id)).toMatchObject({
      message: 'Waiting for the source.',
      progress: { done: 100, total: 400, unit: 'rows', bytes: 5_000, etaSeconds: 6 },
    })
  })

  it('that fails keeps the code of its error, and a message that also says what to do', async () => {
    const jobs = jobsInMemory()
    const { id } = jobs.start('MIGRATE_LOANS', async () => {
      throw new MillraceError('UNAVAILABLE', 'MySQL does not answer.', { hint: 'Start it.' })
    })
    expect(await jobs.finished(id)).toMatchObject({
      state: 'FAILED',
      errorCode: 'UNAVAILABLE',
      message: 'MySQL does not answer. Start it.',
      hint: 'Start it.',
    })
  })

  it('that fails for an unforeseen reason is logged whole and shown without detail', async () => {
    const log = { error: vi.fn(), warn: vi.fn() }
    const jobs = jobsInMemory({ log })
    const failure = new TypeError('cannot read secret of undefined')
    const { id } = jobs.start('MIGRATE_LOANS', async () => {
      throw failure
    })
    const job = await jobs.finished(id)
    expect(job).toMatchObject({ state: 'FAILED', errorCode: 'INTERNAL' })
    expect(JSON.stringify(job)).not.toContain('secret')
    expect(job.hint).toContain(id)
    expect(log.error).toHaveBeenCalledWith(expect.objectContaining({ jobId: id, err: failure }), expect.any(String))
  })

  it('of the same kind is refused while one runs, and the refusal names that one and where it is', async () => {
    const jobs = jobsInMemory()
    const { work, started, succeed } = drivenWork()
    const { id } = jobs.start('MIGRATE_LOANS', work)
    const { report } = await started
    report({ done: 120_000, total: 426_716, unit: 'rows' })
    expect(() => jobs.start('MIGRATE_LOANS', work)).toThrow(
      expect.objectContaining({
        code: 'CONFLICT',
        message: `A MIGRATE_LOANS job is running already: ${id}, at 120,000 of 426,716 rows.`,
        hint: `Follow it with jobProgress(id: "${id}"), or stop it with cancelJob(id: "${id}").`,
      }),
    )
    const other = jobs.start('COMPACT_WEATHER', async () => 'Another kind may run.')
    expect((await jobs.finished(other.id)).state).toBe('SUCCEEDED')
    succeed('Done.')
    await jobs.finished(id)
    const again = jobs.start('MIGRATE_LOANS', async () => 'Again.')
    expect((await jobs.finished(again.id)).state).toBe('SUCCEEDED')
  })

  it('that nobody knows is NOT_FOUND for every question', async () => {
    const jobs = jobsInMemory()
    const notFound = expect.objectContaining({ code: 'NOT_FOUND', message: 'No job has the id "nobody".' })
    expect(() => jobs.get('nobody')).toThrow(notFound)
    expect(() => jobs.watch('nobody')).toThrow(notFound)
    await expect(jobs.cancel('nobody')).rejects.toEqual(notFound)
    await expect(jobs.finished('nobody')).rejects.toEqual(notFound)
  })
})

describe('a lane', () => {
  it('runs its jobs one after the other, whatever their kind, and those of other lanes beside them', async () => {
    const jobs = jobsInMemory()
    const first = drivenWork()
    const second = drivenWork()
    const { id } = jobs.start('INGEST_CITIZENS', first.work, { lane: '2026-11-20' })
    await first.started
    const waiting = jobs.start('WAREHOUSE_RUN', second.work, { lane: '2026-11-20' })
    const beside = jobs.start('WAREHOUSE_RUN', async () => 'Another date.', { lane: '2026-11-21' })
    expect(await jobs.finished(beside.id)).toMatchObject({ state: 'SUCCEEDED' })
    expect(jobs.get(waiting.id)).toMatchObject({ state: 'QUEUED', startedAt: null })
    first.succeed('Done.')
    await second.started
    expect(jobs.get(id).state).toBe('SUCCEEDED')
    expect(jobs.get(waiting.id).state).toBe('RUNNING')
    second.succeed('Done.')
    expect((await jobs.finished(waiting.id)).state).toBe('SUCCEEDED')
  })

  it('goes on after a job that fails', async () => {
    const jobs = jobsInMemory()
    const { work, started, fail } = drivenWork()
    jobs.start('WAREHOUSE_RUN', work, { lane: 'one' })
    const next = jobs.start('WAREHOUSE_RUN', async () => 'Went on.', { lane: 'one' })
    await started
    fail(new MillraceError('UNAVAILABLE', 'Gone.'))
    expect(await jobs.finished(next.id)).toMatchObject({ state: 'SUCCEEDED', message: 'Went on.' })
  })

  it('drops a waiting job that is cancelled at once, and those behind it still wait for the one that runs', async () => {
    const jobs = jobsInMemory()
    const first = drivenWork()
    const last = drivenWork()
    jobs.start('WAREHOUSE_RUN', first.work, { lane: 'one' })
    const middle = jobs.start('WAREHOUSE_RUN', async () => 'Never.', { lane: 'one' })
    const { id } = jobs.start('WAREHOUSE_RUN', last.work, { lane: 'one' })
    await first.started
    expect(await jobs.cancel(middle.id)).toMatchObject({ state: 'CANCELLED', startedAt: null })
    await new Promise(setImmediate)
    expect(jobs.get(id).state).toBe('QUEUED')
    first.succeed('Done.')
    await last.started
    last.succeed('Done.')
    expect((await jobs.finished(id)).state).toBe('SUCCEEDED')
  })

  it('is bounded: a job that would be the twenty-second is refused', async () => {
    const jobs = jobsInMemory()
    const { work } = drivenWork()
    for (let count = 0; count < 21; count++) jobs.start('WAREHOUSE_RUN', work, { lane: 'one' })
    expect(() => jobs.start('WAREHOUSE_RUN', work, { lane: 'one' })).toThrow(
      expect.objectContaining({ code: 'CONFLICT' }),
    )
  })
})

describe('cancelling', () => {
  it('aborts the work and answers once it has ended', async () => {
    const jobs = jobsInMemory()
    const { work, started } = drivenWork()
    const { id } = jobs.start('MIGRATE_LOANS', work)
    const { report, signal } = await started
    report({ done: 7, total: 9, unit: 'rows' })
    const [first, second] = await Promise.all([jobs.cancel(id), jobs.cancel(id)])
    expect(signal.aborted).toBe(true)
    expect(first).toMatchObject({
      state: 'CANCELLED',
      errorCode: 'CANCELLED',
      message: 'The job was cancelled. It was at 7 of 9 rows.',
      hint: null,
    })
    expect(second).toEqual(first)
  })

  it('leaves a work that succeeds anyway as SUCCEEDED', async () => {
    const jobs = jobsInMemory()
    const { id } = jobs.start(
      'MIGRATE_LOANS',
      ({ signal }) => new Promise(resolve => signal.addEventListener('abort', () => resolve('Published already.'))),
    )
    await new Promise(setImmediate)
    expect(await jobs.cancel(id)).toMatchObject({ state: 'SUCCEEDED', errorCode: null })
  })

  it('counts whatever the work throws then as the cancel, and logs what is not', async () => {
    const log = { error: vi.fn(), warn: vi.fn() }
    const jobs = jobsInMemory({ log })
    const { id } = jobs.start(
      'MIGRATE_LOANS',
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('socket hang up')))),
    )
    await new Promise(setImmediate)
    expect(await jobs.cancel(id)).toMatchObject({ state: 'CANCELLED', errorCode: 'CANCELLED' })
    expect(log.warn).toHaveBeenCalledOnce()
  })

  it('of a queued job never starts its work', async () => {
    const jobs = jobsInMemory()
    const work = vi.fn(async () => 'Ran.')
    const { id } = jobs.start('MIGRATE_LOANS', work)
    expect(await jobs.cancel(id)).toMatchObject({ state: 'CANCELLED', startedAt: null })
    expect(work).not.toHaveBeenCalled()
  })

  it('of an ended job is a CONFLICT that says how it ended', async () => {
    const jobs = jobsInMemory()
    const { id } = jobs.start('MIGRATE_LOANS', async () => 'Done.')
    await jobs.finished(id)
    await expect(jobs.cancel(id)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: `Job ${id} cannot be cancelled: it has ended as SUCCEEDED.`,
    })
  })

  it('happens to all that runs when the server stops, and nothing starts after', async () => {
    const jobs = jobsInMemory()
    const { work, started } = drivenWork()
    const { id } = jobs.start('MIGRATE_LOANS', work)
    await started
    const watched = collect(jobs.watch(id))
    await jobs.close()
    expect((await watched).at(-1)).toMatchObject({
      state: 'CANCELLED',
      message: 'The job was cancelled because the server was stopped. It was at the start.',
    })
    expect(() => jobs.start('MIGRATE_LOANS', work)).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  })
})

describe('watching', () => {
  it('gives the job now, what changes, and ends with it', async () => {
    const jobs = jobsInMemory()
    const { work, started, succeed } = drivenWork()
    const { id } = jobs.start('MIGRATE_LOANS', work)
    const seen: Job[] = []
    const reading = (async () => {
      for await (const job of jobs.watch(id)) {
        seen.push(job)
        if (job.progress.done === 5) succeed('Done.')
      }
    })()
    const { report } = await started
    report({ done: 5, total: 10, unit: 'rows' })
    await reading
    expect(seen.map(job => job.state)).toEqual(['QUEUED', 'RUNNING', 'RUNNING', 'SUCCEEDED'])
    expect(seen.map(job => job.progress.done)).toEqual([0, 0, 5, 5])
  })

  it('shows the last report although reports come faster than it is shown', async () => {
    const jobs = jobsInMemory()
    const { work, started } = drivenWork()
    const { id } = jobs.start('MIGRATE_LOANS', work)
    const { report } = await started
    for (let done = 0; done <= 1_000; done++) report({ done, total: 1_000, unit: 'rows' })
    let values = 0
    for await (const job of jobs.watch(id)) {
      values++
      if (job.progress.done === 1_000) break
    }
    expect(values).toBeLessThan(5)
  })

  it('gives an ended job once', async () => {
    const jobs = jobsInMemory()
    const { id } = jobs.start('MIGRATE_LOANS', async () => 'Done.')
    await jobs.finished(id)
    expect(await collect(jobs.watch(id))).toEqual([jobs.get(id)])
  })

  it('cannot change the job', async () => {
    const jobs = jobsInMemory()
    const { work, started } = drivenWork()
    const { id } = jobs.start('MIGRATE_LOANS', work)
    await started
    jobs.get(id).progress.done = 99
    expect(jobs.get(id).progress.done).toBe(0)
  })
})
