import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { ErrorCode } from '../errors.ts'
import { MillraceError } from '../errors.ts'
import type { Job, JobKind, JobState } from './job.ts'
import { describeProgress, resumption } from './words.ts'

/** Jobs on disk: what survives the process. */
export interface History {
  /** Adds a job, and forgets the oldest ended ones beyond `keep`. */
  add(job: Job): void
  save(job: Job): void
  find(id: string): Job | undefined
  /** Newest first. */
  list(filter: { kind?: JobKind; state?: JobState; first: number }): Job[]
  close(): void
}

/** How long to wait for another process that holds the file: a command that is about to end. */
const lockMillis = 2_000

const schema = `
  CREATE TABLE IF NOT EXISTS jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER,
    unit TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    message TEXT,
    hint TEXT,
    error_code TEXT
  ) STRICT`

/**
 * Opens the history and marks what a dead process left running as INTERRUPTED.
 *
 * The file is held exclusively while it is open: only so is "still marked running" proof that the process died. The lock
 * goes with the process, however it ends. CONFLICT where another process holds it, UNAVAILABLE where it cannot be used.
 */
export function openHistory(file: string, { keep, now }: { keep: number; now: number }): History {
  const database = open(file)
  interruptUnfinished(database, now)

  const insert = database.prepare(
    `INSERT INTO jobs (id, kind, state, done, total, unit, bytes, created_at, started_at, finished_at, message, hint, error_code)
     VALUES (:id, :kind, :state, :done, :total, :unit, :bytes, :created_at, :started_at, :finished_at, :message, :hint, :error_code)`,
  )
  const update = database.prepare(
    `UPDATE jobs SET kind = :kind, state = :state, done = :done, total = :total, unit = :unit, bytes = :bytes,
       created_at = :created_at, started_at = :started_at, finished_at = :finished_at,
       message = :message, hint = :hint, error_code = :error_code
     WHERE id = :id`,
  )
  const trim = database.prepare(
    `DELETE FROM jobs WHERE finished_at IS NOT NULL
       AND sequence <= (SELECT sequence FROM jobs ORDER BY sequence DESC LIMIT 1 OFFSET ?)`,
  )
  const select = database.prepare('SELECT * FROM jobs WHERE id = ?')
  const selectMany = database.prepare(
    `SELECT * FROM jobs WHERE (:kind IS NULL OR kind = :kind) AND (:state IS NULL OR state = :state)
     ORDER BY sequence DESC LIMIT :first`,
  )

  return {
    add(job) {
      insert.run(rowOf(job))
      trim.run(keep)
    },
    save(job) {
      update.run(rowOf(job))
    },
    find(id) {
      const row = select.get(id)
      return row && jobOf(row as unknown as JobRow)
    },
    list({ kind, state, first }) {
      const rows = selectMany.all({ kind: kind ?? null, state: state ?? null, first })
      return rows.map(row => jobOf(row as unknown as JobRow))
    },
    close() {
      database.close()
    },
  }
}

function open(file: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
    database = new DatabaseSync(file, { timeout: lockMillis })
    // The first write after locking_mode takes the lock, and the write-ahead log makes a save cost no fsync.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    database.exec(schema)
    return database
  } catch (cause) {
    database?.close()
    if (isLocked(cause)) {
      throw new MillraceError('CONFLICT', `Another Millrace process is using the job history ${file}.`, {
        hint: 'Ask that server (--url), stop it, or give this one a data directory of its own (MILLRACE_DATA_DIR).',
        cause,
      })
    }
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError('UNAVAILABLE', `The job history ${file} cannot be opened: ${reason}.`, {
      hint: 'MILLRACE_DATA_DIR must be a folder that this user can write to, on a disk with room.',
      cause,
    })
  }
}

/** SQLITE_BUSY; node:sqlite puts the result code of SQLite in `errcode`. */
function isLocked(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}

function interruptUnfinished(database: DatabaseSync, now: number): void {
  const unfinished = database.prepare(`SELECT * FROM jobs WHERE state IN ('QUEUED', 'RUNNING')`).all()
  const interrupt = database.prepare(
    `UPDATE jobs SET state = 'INTERRUPTED', finished_at = ?, message = ?, hint = ? WHERE id = ?`,
  )
  for (const row of unfinished) {
    const { id, kind, progress } = jobOf(row as unknown as JobRow)
    const { run, safety } = resumption[kind]
    const message = `The server stopped in the middle of this job, at ${describeProgress(progress)} or a little later: ${run}.`
    interrupt.run(now, message, safety, id)
  }
}

/** A row of the table above; only this process writes it. */
interface JobRow {
  id: string
  kind: JobKind
  state: JobState
  done: number
  total: number | null
  unit: string
  bytes: number
  created_at: number
  started_at: number | null
  finished_at: number | null
  message: string | null
  hint: string | null
  error_code: ErrorCode | null
}

function rowOf({ id, kind, state, progress, message, hint, ...job }: Job) {
  return {
    id,
    kind,
    state,
    done: progress.done,
    total: progress.total,
    unit: progress.unit,
    bytes: progress.bytes,
    created_at: job.createdAt.getTime(),
    started_at: job.startedAt?.getTime() ?? null,
    finished_at: job.finishedAt?.getTime() ?? null,
    message,
    hint,
    error_code: job.errorCode,
  } satisfies JobRow
}

function jobOf(row: JobRow): Job {
  const { id, kind, state, done, total, unit, bytes, message, hint } = row
  return {
    id,
    kind,
    state,
    progress: { done, total, unit, bytes, etaSeconds: null },
    createdAt: new Date(row.created_at),
    startedAt: row.started_at === null ? null : new Date(row.started_at),
    finishedAt: row.finished_at === null ? null : new Date(row.finished_at),
    message,
    hint,
    errorCode: row.error_code,
  }
}
