import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Inbox } from '../../datasources/inbox.ts'
import { MillraceError } from '../../errors.ts'
import type { JobControl } from '../../jobs/job.ts'

export interface Digest {
  bytes: number
  /** Hexadecimal. */
  sha256: string
}

/** What the file in the inbox is now, by reading all of it. */
export async function digestOf(inbox: Inbox, path: string, control: JobControl): Promise<Digest> {
  return await digested(inbox, path, control, async () => {})
}

/** Copies a file of the inbox to a local one, so that all that follows looks at the same bytes. */
export async function receiveFile(inbox: Inbox, path: string, target: string, control: JobControl): Promise<Digest> {
  await using file = await open(target, 'w')
  return await digested(inbox, path, control, async chunk => {
    await file.writeFile(chunk)
  })
}

async function digested(
  inbox: Inbox,
  path: string,
  { signal, report }: JobControl,
  take: (chunk: Uint8Array) => Promise<void>,
): Promise<Digest> {
  const hash = createHash('sha256')
  const { length } = await inbox.stat(path, { signal })
  let bytes = 0
  report({ done: 0, total: length, unit: 'bytes' })
  for await (const chunk of inbox.read(path, { signal })) {
    hash.update(chunk)
    await take(chunk)
    bytes += chunk.length
    report({ done: bytes })
  }
  if (length !== null && bytes !== length) {
    throw new MillraceError('CONFLICT', `Expected ${length} bytes of ${path} in the inbox, but read ${bytes}.`, {
      hint: 'Somebody is still writing it: try again when it is whole.',
    })
  }
  return { bytes, sha256: hash.digest('hex') }
}
