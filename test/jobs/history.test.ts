import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createJobs } from '../../src/jobs/createJobs.ts'
import { collect } from './collect.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-jobs-'))
  file = join(folder, 'deep', 'jobs.sqlite')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the history of jobs', () => {
  it('survives a restart, newest first, and can be asked by kind and state', async () => {
    const before = createJobs({ file })
    const first = before.start('MIGRATE_LOANS', async () => 'First.')
    await before.finished(first.id)
    const second = before.start('COMPACT_WEATHER', async ({ report }) => {
      report({ done: 3, total: 4, unit: 'files', bytes: 2 ** 40 })
      throw new Error('unforeseen')
    })
    const failed = await before.finished(second.id)
    await before.close()

    const after = createJobs({ file })
    expect(after.get(second.id)).toEqual(failed)
    expect(after.get(second.id).progress).toMatchObject({ done: 3, total: 4, unit: 'files', bytes: 2 ** 40 })
    const ids = (filter: Parameters<typeof after.list>[0]) => after.list(filter).map(job => job.id)
    expect(ids({ first: 10 })).toEqual([second.id, first.id])
    expect(ids({ first: 1 })).toEqual([second.id])
    expect(ids({ kind: 'MIGRATE_LOANS', first: 10 })).toEqual([first.id])
    expect(ids({ state: 'FAILED', first: 10 })).toEqual([second.id])
    expect(ids({ kind: 'MIGRATE_LOANS', state: 'FAILED', first: 10 })).toEqual([])
    await after.close()
  })

  it('keeps the newest 1,000', async () => {
    const jobs = createJobs({ file: ':memory:' })
    const ids: string[] = []
    for (let count = 0; count < 1_010; count++) {
      const { id } = jobs.start('MIGRATE_LOANS', async () => 'Done.')
      ids.unshift(id)
      await jobs.finished(id)
    }
    expect(jobs.list({ first: 5_000 }).map(job => job.id)).toEqual(ids.slice(0, 1_000))
    expect(() => jobs.get(ids.at(-1)!)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }))
    await jobs.close()
  })

  it('shows a job as INTERRUPTED, with what to do, after its process was killed with -9', async () => {
    const created = await startJobAndKill()
    const jobs = createJobs({ file })
    expect(jobs.get(created)).toMatchObject({
      state: 'INTERRUPTED',
      message:
        'The server stopped in the middle of this job, at 120,000 of 426,716 rows or a little later: run migrateLoans again.',
      hint: 'The file in storage is the old one or the new one, never a part.',
      errorCode: null,
    })
    expect(jobs.get(created).finishedAt).toBeInstanceOf(Date)
    expect(await collect(jobs.watch(created))).toHaveLength(1)
    const again = jobs.start('MIGRATE_LOANS', async () => 'Went on.')
    expect((await jobs.finished(again.id)).state).toBe('SUCCEEDED')
    await jobs.close()
  })

  it('belongs to one process at a time', async () => {
    const jobs = createJobs({ file })
    expect(() => createJobs({ file })).toThrow(expect.objectContaining({ code: 'CONFLICT' }))
    await jobs.close()
    await createJobs({ file }).close()
  })

  it('in a place that cannot be written is UNAVAILABLE and names the variable to change', () => {
    writeFileSync(join(folder, 'deep'), 'a file where a folder is expected')
    expect(() => createJobs({ file })).toThrow(
      expect.objectContaining({ code: 'UNAVAILABLE', hint: expect.stringContaining('MILLRACE_DATA_DIR') }),
    )
  })
})

/** Runs a job in another process up to its first saved progress, and kills that process. */
async function startJobAndKill(): Promise<string> {
  const program = `
    import { createJobs } from ${JSON.stringify(fileURLToPath(new URL('../../src/jobs/createJobs.ts', import.meta.url)))}
    const jobs = createJobs({ file: ${JSON.stringify(file)} })
    const { id } = jobs.start('MIGRATE_LOANS', ({ report }) => {
      report({ done: 120_000, total: 426_716, unit: 'rows' })
      process.stdout.write(id)
      return new Promise(() => setInterval(() => {}, 1_000))
    })`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [id] = await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  return String(id)
}
