import { access, constants, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { MillraceError } from '../errors.ts'
import { abortable } from './abortable.ts'
import type { Call } from './call.ts'
import { type DuckdbConnections, duckdbConnections } from './duckdbConnections.ts'

/** Connections to one DuckDB file: opened for reading, so that several processes can, until somebody here writes. */
export interface DuckdbFile extends DuckdbConnections {
  /**
   * One writer at a time, in the order they came. The first waits until no reader is left, because DuckDB cannot open a file for
   * writing that it has open for reading; readers that come meanwhile wait for it. CONFLICT where another process has the file open.
   */
  readonly write: <T>(call: Call, change: (connection: DuckDBConnection) => Promise<T>) => Promise<T>
}

/** NOT_FOUND for a reader while there is no file; a writer makes it. */
export function duckdbFile(file: string): DuckdbFile {
  let writable = false
  const connections = duckdbConnections(() => (writable ? openForWriting(file) : openForReading(file)))
  let users = 0
  let onUnused: (() => void) | undefined
  /** Settles when the file can be used by new readers. */
  let usable: Promise<void> = Promise.resolve()
  let lastWrite: Promise<void> = Promise.resolve()

  async function* stream<T>(
    call: Call,
    use: (connection: DuckDBConnection, signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    await untilUsable(call)
    users += 1
    try {
      yield* connections.stream(call, use)
    } finally {
      users -= 1
      if (users === 0) onUnused?.()
    }
  }

  /** A writer may have come while this reader waited for one. */
  async function untilUsable(call: Call): Promise<void> {
    for (let waited: Promise<void> | undefined; waited !== usable; ) {
      waited = usable
      await abortable(waited, call.signal)
    }
  }

  async function makeWritable(call: Call): Promise<void> {
    if (writable) return
    const switched = Promise.withResolvers<void>()
    usable = switched.promise
    try {
      if (users > 0) {
        const unused = Promise.withResolvers<void>()
        onUnused = unused.resolve
        await abortable(unused.promise, call.signal)
      }
      await connections.close(new MillraceError('INTERNAL', 'A DuckDB file was opened for writing while it was read.'))
      writable = true
      try {
        await connections.answer(call, async () => undefined)
      } catch (error) {
        writable = false
        throw error
      }
    } finally {
      onUnused = undefined
      switched.resolve()
    }
  }

  return {
    stream,
    async answer(call, ask) {
      for await (const [answer] of stream(call, (connection, signal) => one(ask(connection, signal)))) return answer
      throw new MillraceError('INTERNAL', 'A question to DuckDB had no answer.')
    },
    async write(call, change) {
      const before = lastWrite
      const done = Promise.withResolvers<void>()
      lastWrite = before.then(() => done.promise)
      try {
        await abortable(before, call.signal)
        await makeWritable(call)
        return await connections.answer(call, change)
      } finally {
        done.resolve()
      }
    },
    async close(reason) {
      await connections.close(reason)
      writable = false
    },
  }
}

async function openForReading(file: string): Promise<DuckDBInstance> {
  try {
    await access(file, constants.R_OK)
  } catch (cause) {
    throw new MillraceError('NOT_FOUND', `Expected a DuckDB file at ${file}, there is none that can be read.`, {
      hint: 'Make the sample with `millrace sample create`, or set MILLRACE_SOURCE_URL to a MySQL database.',
      cause,
    })
  }
  try {
    return await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' })
  } catch (cause) {
    if (isHeldByAnother(cause)) throw heldByAnother('read', file, cause)
    throw new MillraceError('UNAVAILABLE', `The DuckDB file ${file} cannot be opened.`, {
      hint: 'Check that it is a DuckDB file.',
      cause,
    })
  }
}

async function openForWriting(file: string): Promise<DuckDBInstance> {
  try {
    await mkdir(dirname(file), { recursive: true })
    return await DuckDBInstance.create(file, { access_mode: 'READ_WRITE' })
  } catch (cause) {
    if (isHeldByAnother(cause)) throw heldByAnother('write to', file, cause)
    throw new MillraceError('UNAVAILABLE', `The DuckDB file ${file} cannot be opened for writing.`, {
      hint: 'Check that it is a DuckDB file, that it may be written, and that its disk has room.',
      cause,
    })
  }
}

function heldByAnother(doing: string, file: string, cause: unknown): MillraceError {
  return new MillraceError('CONFLICT', `Expected to ${doing} the DuckDB file ${file}, another process has it open.`, {
    hint: 'Only one process at a time can use an embedded source that is written to: do the work in the server, or set MILLRACE_SOURCE_URL to a MySQL database.',
    cause,
  })
}

/** DuckDB tells it in words only: "Could not set lock on file ...: Conflicting lock is held in ... (PID 7)". */
function isHeldByAnother(error: unknown): boolean {
  return error instanceof Error && /\block\b/i.test(error.message)
}

/** In a tuple, because an answer of undefined is an answer too. */
async function* one<T>(promise: Promise<T>): AsyncGenerator<[T], void, undefined> {
  yield [await promise]
}
