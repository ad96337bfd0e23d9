import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Daemon } from '../../harness/process.ts'
import { waitUntil } from '../../harness/wait.ts'
import type { RunningProcess } from '../setup/runningProcess.ts'
import { type Airflow, openAirflow } from './airflow.ts'
import { openSite, type Site } from './site.ts'

const DAG = 'millrace_warehouse'
const PASSWORD = 'canary-of-the-connection'
const INSTALL_MILLIS = 900_000
/** On a machine that does a lot else; alone a tenth of it. */
const SLOW_MILLIS = 900_000

/** What `npm run test:airflow` adds: it fetches some 290 MB the first time, and takes minutes. */
export function testWithAirflow(): void {
  describe('Airflow', { timeout: SLOW_MILLIS }, () => {
    let site: Site
    let airflow: Airflow
    let scheduling: Airflow
    let scheduler: Daemon | undefined
    const started: RunningProcess[] = []
    beforeAll(async () => {
      site = await openSite()
      await site.start()
      airflow = await openAirflow(join(site.folder, 'airflow'), connection())
      const migrated = airflow.start(['db', 'migrate'])
      expect(await migrated.ended, migrated.output()).toBe(0)
    }, INSTALL_MILLIS)
    afterAll(async () => {
      await scheduler?.stop()
      await site.close()
    })

    const connection = () => site.url.replace('//', `//airflow:${PASSWORD}@`)

    /** `airflow dags test`: the whole DAG in one process, with its waits and retries. */
    function testDag(date: string, environment: Record<string, string> = {}): RunningProcess {
      const process = airflow.start(['dags', 'test', DAG, date], environment)
      started.push(process)
      return process
    }
    const attempts = (process: RunningProcess) => process.output().match(/Started job .*$/gm)?.length ?? 0

    test('brings its logical date to the warehouse', async () => {
      await site.makeDay('2026-03-01')
      const dag = testDag('2026-03-01')
      expect(await dag.ended, dag.output()).toBe(0)
      expect(dag.output()).toMatch(
        /Landed 1,000 citizens of 2026-03-01.*Published [\d,]+ rows of 8 tables for 2026-03-01/s,
      )
      expect(await site.runs()).toEqual(['2026-03-01 SUCCEEDED'])
    })

    test('is red at once where trying again would not help', async () => {
      await site.makeDay('2026-03-02')
      await site.changeDay('2026-03-02', text => text.replace('gender', 'sex'))
      const dag = testDag('2026-03-02')
      expect(await dag.ended).not.toBe(0)
      expect(dag.output()).toMatch(
        /ended as FAILED: Expected a citizens_data\.csv to ingest, but its header is another/,
      )
      expect(attempts(dag)).toBe(1)
      expect(await site.runs()).toEqual(['2026-03-01 SUCCEEDED'])
    })

    test('tries again until the file has come', async () => {
      const dag = testDag('2026-03-03')
      await dag.shows('ended as FAILED: There are no citizens for 2026-03-03 yet.')
      await site.makeDay('2026-03-03')
      expect(await dag.ended, dag.output()).toBe(0)
      expect(attempts(dag)).toBe(3)
      expect((await site.runs())[0]).toBe('2026-03-03 SUCCEEDED')
    })

    test('is red where no server answers, after its retries', async () => {
      const dag = testDag('2026-03-03', { AIRFLOW_CONN_MILLRACE: `http://airflow:${PASSWORD}@127.0.0.1:1/graphql` })
      expect(await dag.ended).not.toBe(0)
      expect(dag.output().match(/127\.0\.0\.1:1\/graphql did not answer/g)!.length).toBeGreaterThanOrEqual(3)
    })

    test('of which the scheduler runs, catches up missed dates and outlives a server that is killed in the middle', async () => {
      const [first, second] = [daysAgo(2), daysAgo(1)]
      for (const date of [first, second]) await site.makeDay(date, 300_000)
      // Of its own, because the others have made runs already.
      scheduling = await openAirflow(join(site.folder, 'scheduler'), connection())
      scheduler = scheduling.standalone({
        MILLRACE_DAG_FIRST_DATE: first,
        MILLRACE_DAG_SCHEDULE: '0 0 * * *',
      })
      await scheduler.start()
      const { logFile } = scheduler
      const detail = async () => (await readFile(logFile, 'utf8')).slice(-5_000)
      const sees = (description: string, state: string) =>
        waitUntil({ description, timeoutMillis: SLOW_MILLIS, pollMillis: 20, detail }, async () =>
          (await site.runs()).includes(state),
        )
      await sees('the run of the first date', `${first} RUNNING`)
      await site.kill()
      await site.start()
      expect(await site.runs()).toContain(`${first} INTERRUPTED`)
      await sees('the first date to be published', `${first} SUCCEEDED`)
      await sees('the second date to be published', `${second} SUCCEEDED`)
      await waitUntil({ description: 'two runs to be green', timeoutMillis: SLOW_MILLIS, detail }, async () => {
        const list = scheduling.start(['dags', 'list-runs', DAG, '--output', 'json', '--state', 'success'])
        await list.ended
        // What it has to say comes before.
        const runs = JSON.parse(/^\[.*$/m.exec(list.stdout())?.[0] ?? '[]') as {
          run_id: string
          logical_date: string
        }[]
        const dates = runs.filter(run => run.run_id.startsWith('scheduled')).map(run => run.logical_date.slice(0, 10))
        return dates.includes(first) && dates.includes(second)
      })
    })

    test('never writes the password of its connection', async () => {
      const encoded = Buffer.from(`airflow:${PASSWORD}`).toString('base64')
      const texts = started.map(process => process.output())
      for (const each of [airflow, scheduling]) texts.push(await each.written())
      for (const text of texts) {
        expect(text).toContain(DAG)
        expect(text.includes(PASSWORD) || text.includes(encoded)).toBe(false)
      }
    })
  })
}

/** YYYY-MM-DD. */
function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)
}
