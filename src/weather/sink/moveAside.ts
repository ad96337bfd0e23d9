import type { Call } from '../../datasources/call.ts'
import { jsonBytes } from '../../datasources/jsonFile.ts'
import type { ExclusivePublisher } from '../../datasources/publish.ts'
import type { FileLayout, Storage } from '../../datasources/storage.ts'
import { childOf, nameOf } from '../../datasources/storagePath.ts'
import { hasCode } from '../../errors.ts'
import type { Stray } from './chain.ts'
import { DEAD_LETTER_FOLDER } from './paths.ts'

/**
 * Moves a file that is not ours, or no longer whole, to the dead letters, with the reason beside it. It is looked at right before and right after: should
 * another file have taken its name meanwhile, that one goes back. True where the file was moved, by whomever.
 */
export async function moveAside(
  { storage, publisher, layout }: { storage: Storage; publisher: ExclusivePublisher; layout: FileLayout },
  { status, reason }: Stray,
  call: Call,
): Promise<boolean> {
  const { path, fileId, length, modifiedAtMillis } = status
  const aside = childOf(DEAD_LETTER_FOLDER, `${nameOf(path)}-${fileId}`)
  if ((await fileIdAt(path)) !== fileId) return true
  const found = { path, length, modifiedAt: new Date(modifiedAtMillis).toISOString(), reason }
  await unlessImpossible(publisher.publishNew(`${aside}.json`, () => [jsonBytes(found)], layout, { call }))
  await unlessImpossible(storage.renameNew(path, aside, call))
  const moved = await fileIdAt(aside)
  if (moved !== undefined && moved !== fileId) await unlessImpossible(storage.renameNew(aside, path, call))
  return moved === fileId

  async function fileIdAt(path: string): Promise<string | undefined> {
    try {
      return (await storage.stat(path, call)).fileId
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return undefined
      throw error
    }
  }
}

/** What cannot be moved, a folder in a local directory for example, stays. */
async function unlessImpossible(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!hasCode(error, 'CONFLICT', 'NOT_FOUND', 'BAD_USER_INPUT')) throw error
  }
}
