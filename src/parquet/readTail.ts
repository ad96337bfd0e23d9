import type { Call } from '../datasources/call.ts'
import type { FileStatus, Storage } from '../datasources/storage.ts'
import { footerLength, TRAILER_BYTES } from './footer.ts'

/** The end of a Parquet file, with at least the whole footer: one read where that is in the last `firstBytes`, else two. */
export async function readTail(
  storage: Storage,
  { path, length }: FileStatus,
  firstBytes: number,
  call?: Call,
): Promise<Uint8Array> {
  const readLast = (bytes: number) => {
    const wanted = Math.min(bytes, length)
    return storage.read(path, { offset: length - wanted, length: wanted }, call)
  }
  const tail = await readLast(firstBytes)
  const needed = footerLength(tail) + TRAILER_BYTES
  return needed <= tail.length ? tail : readLast(needed)
}
