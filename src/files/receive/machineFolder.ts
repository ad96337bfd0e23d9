import { randomUUID } from 'node:crypto'
import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type FileLock, lockFile } from '../../datasources/fileLock.ts'
import { hasErrno } from '../../datasources/localErrors.ts'
import { localStorage } from '../../datasources/localStorage.ts'
import type { Storage } from '../../datasources/storage.ts'
import { MillraceError } from '../../errors.ts'
import type { AssembledFile } from './blockStore.ts'

/** The folder of one receiver's blocks, held by this process alone. */
export interface MachineFolder {
  readonly place: string
  /** The same folder. */
  readonly storage: Storage
  /** For what is not whole yet; removed at the next start, should it stay. */
  newPlace: () => AssembledFile
  release(): void
}

/** No file may have this name, so that its blocks never mix with what is here. */
const ASSEMBLING = '.assembling'
const LOCK = 'lock'

/**
 * `processed_data_<machine>` in `output`; made where it is missing, and what an earlier process left half-assembled is removed.
 * FORBIDDEN where it cannot be written, CONFLICT where another process holds it, BAD_USER_INPUT where a file is in its place.
 */
export function openMachineFolder(output: string, machine: string): MachineFolder {
  const place = join(output, `processed_data_${machine}`)
  const assembling = join(place, ASSEMBLING)
  let lock: FileLock | null
  try {
    mkdirSync(assembling, { recursive: true })
    for (const folder of [place, assembling]) accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    lock = lockFile(join(assembling, LOCK))
    // Whoever wrote these is dead, or the lock would not be ours.
    if (lock)
      for (const name of readdirSync(assembling))
        if (!name.startsWith(LOCK)) rmSync(join(assembling, name), { recursive: true })
  } catch (cause) {
    throw unusable(place, cause)
  }
  if (!lock) throw inUse(place, machine)
  const held = lock
  return {
    place,
    storage: localStorage({ folder: place }),
    newPlace() {
      const name = randomUUID()
      return { place: join(assembling, name), path: `/${ASSEMBLING}/${name}` }
    },
    release: () => held.release(),
  }
}

function inUse(place: string, machine: string): MillraceError {
  return new MillraceError('CONFLICT', `Expected ${place} to be free, but another receiver uses it.`, {
    hint: `Two receivers cannot both be "${machine}" here: give this one another name with --machine-id, or another folder with --output.`,
  })
}

function unusable(place: string, cause: unknown): MillraceError {
  const isFile = hasErrno(cause, 'EEXIST', 'ENOTDIR')
  const reason = isFile ? 'a file is in its way' : cause instanceof Error ? cause.message : String(cause)
  return new MillraceError(
    isFile ? 'BAD_USER_INPUT' : 'FORBIDDEN',
    `Expected ${place} to be a folder to write to, but ${reason}.`,
    { hint: 'Give --output a folder that this user may write to.', cause },
  )
}
