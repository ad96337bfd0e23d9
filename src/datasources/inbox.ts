import type { Call } from './call.ts'

/**
 * Where others leave files for us: a folder, or a web server. We only read. Paths are relative and made by us ("dt=2026-11-20/data.csv").
 * Both keepers are held to test/contract/inbox.ts.
 *
 * Errors, all MillraceError: NOT_FOUND where nothing has that path; FORBIDDEN; UNAVAILABLE where no answer comes within its deadline, or the
 * file ends before its announced length; BAD_USER_INPUT where something else than a file has that path.
 */
export interface Inbox {
  readonly kind: 'folder' | 'http'
  /** As configured, without credentials. */
  readonly url: string

  /** Without reading it. */
  stat(path: string, call?: Call): Promise<InboxFile>

  /** The bytes of a file from its start, in chunks. A reader that stops early, or a signal, ends the reading. */
  read(path: string, call?: Call): AsyncIterable<Uint8Array>

  close(): Promise<void>
}

export interface InboxFile {
  /** Bytes; null where that is not told before the file is read. */
  length: number | null
}
