import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { StoppedBySignal } from '../../src/commands/terminal.ts'
import { startTestApp, type TestApp } from '../api/testApp.ts'
import { millrace } from './millrace.ts'

const closing: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function startServer(): Promise<TestApp> {
  const server = await startTestApp()
  closing.push(() => server.close())
  return server
}

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('a command finds the server', () => {
  it('that runs on the same data directory', async () => {
    const { dataDir, loans } = await startServer()
    expect(await millrace(['CalcAvgLoan', '-c', '55025'], { dataDir })).toEqual({
      code: 0,
      stdout: '255025\ncreate\n',
      stderr: '',
    })
    expect(loans.asked).toEqual([[55025]])
  })

  it('on MILLRACE_PORT, whatever its data directory', async () => {
    const { url, loans } = await startServer()
    const environment = { MILLRACE_PORT: new URL(url).port }
    await millrace(['CalcAvgLoan', '-c', '55025'], { dataDir: emptyFolder(), environment })
    expect(loans.asked).toEqual([[55025]])
  })

  it('that --url names, and asks no other', async () => {
    const { dataDir, loans } = await startServer()
    const other = await startServer()
    await millrace(['CalcAvgLoan', '-c', '55025', '--url', other.url], { dataDir })
    expect([loans.asked, other.loans.asked]).toEqual([[], [[55025]]])

    await other.app.close()
    const { code, stdout, stderr } = await millrace(['counties', '--url', other.url], { dataDir })
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^error: No Millrace server answers at http:\/\/127\.0\.0\.1:\d+: connect ECONNREFUSED .*\n$/,
    )
    expect(stderr).toMatch(/^hint: Start it with "millrace serve"/)
  })

  it('that is no more is not taken for one: the command runs the program itself', async () => {
    const dataDir = emptyFolder()
    writeFileSync(join(dataDir, 'server.json'), JSON.stringify({ url: 'http://127.0.0.1:9', pid: 1 }))
    mkdirSync(join(dataDir, 'storage'))
    const { code, stdout } = await millrace(['jobs'], {
      dataDir,
      environment: { MILLRACE_SOURCE_URL: `duckdb:${join(dataDir, 'none.duckdb')}` },
    })
    expect([code, stdout]).toEqual([0, 'no jobs\n'])
  })
})

describe('with a server', () => {
  it('DbToHdfs follows the job to its end', async () => {
    const { dataDir, loans } = await startServer()
    const ran = await millrace(['DbToHdfs'], {
      dataDir,
      onStderr: text => text.includes('1/2') && loans.finishMigration(),
    })
    expect(ran).toEqual({
      code: 0,
      stdout: 'Migrated 2 loans.\n',
      stderr: 'DbToHdfs: 1/2 rows\nDbToHdfs: 2/2 rows  100 B\n',
    })
  })

  it('Ctrl-C during DbToHdfs cancels the job, waits for its end, and ends with 130', async () => {
    const { dataDir, jobs } = await startServer()
    const controller = new AbortController()
    const ran = await millrace(['DbToHdfs'], {
      dataDir,
      signal: controller.signal,
      onStderr: text => text.includes('1/2') && controller.abort(new StoppedBySignal('SIGINT')),
    })
    expect(ran).toEqual({
      code: 130,
      stdout: '',
      stderr: 'DbToHdfs: 1/2 rows\nDbToHdfs: The job was cancelled. It was at 1 of 2 rows.\n',
    })
    expect(jobs.list({ first: 10 }).map(({ state }) => state)).toEqual(['CANCELLED'])
  })

  it('DbToHdfs that somebody else cancels fails and says so', async () => {
    const { dataDir, jobs } = await startServer()
    const ran = await millrace(['DbToHdfs'], {
      dataDir,
      onStderr: text => text.includes('1/2') && void jobs.cancel(jobs.list({ first: 1 })[0]!.id),
    })
    expect(ran).toMatchObject({ code: 1, stdout: 'error: The job was cancelled. It was at 1 of 2 rows.\n' })
  })

  it('a second DbToHdfs is refused and names the first', async () => {
    const { dataDir, jobs } = await startServer()
    const { id } = jobs.start(
      'MIGRATE_LOANS',
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    )
    const ran = await millrace(['DbToHdfs'], { dataDir })
    expect(ran.code).toBe(1)
    expect(ran.stdout).toContain(id)
    expect(ran.stderr).toContain('cancelJob')
  })

  it('cancel stops a job and shows how it ended; a second time is an error', async () => {
    const { dataDir, loans } = await startServer()
    const { id } = loans.migrate()
    const { code, stdout } = await millrace(['cancel', id], { dataDir })
    expect(code).toBe(0)
    expect(stdout.split('\n').map(line => line.replace(/\d{4}-.*Z$/, 'TIME'))).toEqual([
      `id        ${id}`,
      'kind      MIGRATE_LOANS',
      'state     CANCELLED',
      'progress  1 of 2 rows',
      'created   TIME',
      'started   TIME',
      'finished  TIME',
      'message   The job was cancelled. It was at 1 of 2 rows.',
      'error     CANCELLED',
      '',
    ])
    expect(await millrace(['cancel', id], { dataDir })).toEqual({
      code: 1,
      stdout: `error: Job ${id} cannot be cancelled: it has ended as CANCELLED.\n`,
      stderr: 'hint: Only a queued or running job can be cancelled.\n',
    })
    const job = await millrace(['job', id, '--json'], { dataDir })
    expect(JSON.parse(job.stdout)).toMatchObject({
      id,
      state: 'CANCELLED',
      progress: { done: 1, total: 2, unit: 'rows' },
    })
  })

  it('jobs can be asked by kind, state and number', async () => {
    const { dataDir, loans, jobs } = await startServer()
    const ended = loans.migrate()
    loans.finishMigration()
    await jobs.finished(ended.id)
    const running = loans.migrate()
    const ids = async (...parameters: string[]) => {
      const { stdout } = await millrace(['jobs', '--json', ...parameters], { dataDir })
      return (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id)
    }
    expect(await ids()).toEqual([running.id, ended.id])
    expect(await ids('--first', '1')).toEqual([running.id])
    expect(await ids('--state', 'succeeded')).toEqual([ended.id])
    expect(await ids('--kind', 'WEATHER')).toEqual([])
  })

  it('counties --averages shows all averages', async () => {
    const { dataDir, loans } = await startServer()
    const { stdout } = await millrace(['counties', '--averages'], { dataDir })
    expect(stdout).toBe(
      [
        'CODE   NAME              AVERAGE  LOANS  SOURCE',
        '55001  Adams County       255001     42  create',
        '55025  Dane County        255025     42  create',
        '55079  Milwaukee County   255079     42  create',
        '',
      ].join('\n'),
    )
    expect(loans.asked).toHaveLength(1)
  })

  it('a warning beside a right answer goes to stderr', async () => {
    const { dataDir, loans } = await startServer()
    loans.warning = 'The partition could not be written.'
    expect(await millrace(['CalcAvgLoan', '-c', '55025'], { dataDir })).toEqual({
      code: 0,
      stdout: '255025\ncreate\n',
      stderr: 'warning: The partition could not be written.\n',
    })
  })

  it('an unforeseen error of the server shows no detail of it', async () => {
    const { dataDir } = await startServer()
    const { code, stdout, stderr } = await millrace(['CalcAvgLoan', '-c', '13013'], { dataDir })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^error: .+\n$/)
    expect(stdout + stderr).not.toContain('leaked')
  })

  it('systems and data-nodes show what the server is bound to', async () => {
    const { dataDir } = await startServer()
    expect((await millrace(['systems'], { dataDir })).stdout).toBe(
      [
        'ROLE       KIND       ANSWERS  URL            DETAIL',
        'SOURCE     duckdb     yes      duckdb:memory  in memory',
        'STORAGE    directory  yes      file:memory    in memory',
        'LOG        sqlite     yes      sqlite:memory  in memory',
        'ENGINE     duckdb     yes      duckdb:        in memory',
        'WAREHOUSE  duckdb     yes      duckdb:memory  in memory',
        '',
      ].join('\n'),
    )
    expect((await millrace(['data-nodes'], { dataDir })).stdout).toBe(
      [
        'NAME    STATE  USED    CAPACITY  LAST CONTACT',
        'node-1  LIVE   1.1 TB            1970-01-01T00:00:00.000Z',
        '',
      ].join('\n'),
    )
  })
})
