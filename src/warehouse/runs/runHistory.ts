import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { JobState } from '../../jobs/job.ts'
import type { Run, Step } from '../warehouse.ts'

/** Runs on disk: what survives the process. */
export interface RunHistory {
  /** A new attempt at a date: its steps take the place of those of the attempt before. */
  begin(date: string, steps: readonly string[], nowMillis: number): void
  saveStep(date: string, step: Step): void
  finish(date: string, state: JobState, nowMillis: number): void
  /** The last attempt has done its work after all: it was published, but ended before that was kept. */
  settle(date: string, nowMillis: number): void
  /** The newest dates first. */
  list(first: number): Run[]
  close(): void
}

const schema = `
  CREATE TABLE IF NOT EXISTS runs (
    date TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS steps (
    date TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    rows INTEGER,
    elapsed_millis REAL,
    message TEXT,
    PRIMARY KEY (date, name)
  ) STRICT`

/**
 * Opens the history; what a dead process left running becomes INTERRUPTED. The caller holds the data directory, so no other process has the
 * file. ':memory:' forgets all at close.
 */
export function openRunHistory(file: string, nowMillis: number): RunHistory {
  if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
  const database = new DatabaseSync(file)
  // A save costs no fsync, and survives the end of the process.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
  database.exec(schema)
  database.exec(`UPDATE steps SET state = 'INTERRUPTED' WHERE state = 'RUNNING'`)
  database.prepare(`UPDATE runs SET state = 'INTERRUPTED', finished_at = ? WHERE state = 'RUNNING'`).run(nowMillis)

  const upsert = database.prepare(
    `INSERT INTO runs (date, state, attempts, started_at) VALUES (:date, 'RUNNING', 1, :now)
     ON CONFLICT (date) DO UPDATE SET state = 'RUNNING', attempts = attempts + 1, started_at = :now, finished_at = NULL`,
  )
  const forget = database.prepare('DELETE FROM steps WHERE date = ?')
  const insert = database.prepare(`INSERT INTO steps (date, position, name, state) VALUES (?, ?, ?, 'QUEUED')`)
  const update = database.prepare(
    `UPDATE steps SET state = :state, rows = :rows, elapsed_millis = :elapsedMillis, message = :message
     WHERE date = :date AND name = :name`,
  )
  const finish = database.prepare('UPDATE runs SET state = ?, finished_at = ? WHERE date = ?')
  const settleRun = database.prepare(
    `UPDATE runs SET state = 'SUCCEEDED', finished_at = ? WHERE date = ? AND state <> 'SUCCEEDED'`,
  )
  const settleSteps = database.prepare(`UPDATE steps SET state = 'SUCCEEDED', message = NULL WHERE date = ?`)
  const selectRuns = database.prepare('SELECT * FROM runs ORDER BY date DESC LIMIT ?')
  const selectSteps = database.prepare('SELECT * FROM steps WHERE date = ? ORDER BY position')

  return {
    begin(date, steps, now) {
      database.exec('BEGIN')
      upsert.run({ date, now })
      forget.run(date)
      for (const [position, name] of steps.entries()) insert.run(date, position, name)
      database.exec('COMMIT')
    },
    saveStep(date, { name, state, rows, elapsedMillis, message }) {
      update.run({ date, name, state, rows, elapsedMillis, message })
    },
    finish(date, state, now) {
      finish.run(state, now, date)
    },
    settle(date, now) {
      if (settleRun.run(now, date).changes > 0) settleSteps.run(date)
    },
    list(first) {
      const runs = selectRuns.all(first) as unknown as RunRow[]
      return runs.map(run => ({
        date: run.date,
        state: run.state,
        attempts: run.attempts,
        startedAt: new Date(run.started_at),
        finishedAt: run.finished_at === null ? null : new Date(run.finished_at),
        steps: (selectSteps.all(run.date) as unknown as StepRow[]).map(stepOf),
      }))
    },
    close() {
      database.close()
    },
  }
}

/** Rows of the tables above; only this process writes them. */
interface RunRow {
  date: string
  state: JobState
  attempts: number
  started_at: number
  finished_at: number | null
}
interface StepRow {
  name: string
  state: JobState
  rows: number | null
  elapsed_millis: number | null
  message: string | null
}

function stepOf({ name, state, rows, elapsed_millis, message }: StepRow): Step {
  return { name, state, rows, elapsedMillis: elapsed_millis, message }
}
