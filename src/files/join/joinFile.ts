import { access, constants, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { hasErrno } from '../../datasources/localErrors.ts'
import { localStorage } from '../../datasources/localStorage.ts'
import { createPublisher } from '../../datasources/publish.ts'
import type { FileLayout } from '../../datasources/storage.ts'
import { childOf } from '../../datasources/storagePath.ts'
import { MillraceError } from '../../errors.ts'
import { allowedIn } from '../closedFolder.ts'
import { counted } from '../words.ts'
import { type FoundTransfer, findBlocks } from './findBlocks.ts'
import { type BlockPart, DamagedBlock, rangesOf, wholeFile } from './wholeFile.ts'

export interface JoinOptions {
  /** The machines' own, such as processed_data_machine1. */
  folders: readonly string[]
  /** Where the file goes; what is there is replaced. */
  output: string
  /** Which file, where the folders have blocks of several. */
  file?: string | undefined
  signal?: AbortSignal
}

export interface Joined {
  file: string
  output: string
  bytes: number
  blocks: number
  sha256: string
}

const LAYOUT: FileLayout = { replication: 1, blockBytes: 1024 * 1024 }
const MOST_NAMES = 10

/**
 * Puts a file together from the blocks that several machines have; of a file that was sent more than once the newest. `output` has all of it or is not
 * touched: each block's digest and the file's are checked before.
 *
 * Errors: those of findBlocks; NOT_FOUND where no block is there, DATA_LOST where some are missing or damaged, with their numbers; BAD_USER_INPUT where it is
 * not said which file, or the output's folder is none, FORBIDDEN where that may not be written to.
 */
export async function joinFile({ folders, output, file, signal }: JoinOptions): Promise<Joined> {
  const found = await findBlocks(folders, file)
  const transfer = chosen(found, folders, file)
  if (transfer.missing.length > 0) throw blocksMissing(transfer)
  await checkOutput(output)
  const sha256 = await writeFile(transfer, output, signal)
  return { file: transfer.file, output: resolve(output), bytes: transfer.bytes, blocks: transfer.totalBlocks, sha256 }
}

/** Of all its blocks; returns the file's digest. Errors: DATA_LOST where a block has no good copy, and those of localStorage. */
export async function writeFile(transfer: FoundTransfer, output: string, signal?: AbortSignal): Promise<string> {
  const place = resolve(output)
  const path = childOf('/', basename(place))
  const publisher = createPublisher(localStorage({ folder: dirname(place) }), 'join')
  const damaged = new Set<BlockPart>()
  const call = signal ? { signal } : {}
  for (;;) {
    const parts = Array.from({ length: transfer.totalBlocks }, (_, block) => goodCopy(transfer, block, damaged))
    try {
      await publisher.publish(path, () => wholeFile(parts), LAYOUT, { length: transfer.bytes, call })
      return parts.at(-1)!.metadata.fileSha256!
    } catch (error) {
      if (!(error instanceof DamagedBlock)) throw error
      damaged.add(error.part)
      const { block } = error.part.metadata
      if (transfer.copies.get(block)!.every(copy => damaged.has(copy))) throw error
    }
  }
}

function goodCopy({ copies }: FoundTransfer, block: number, damaged: ReadonlySet<BlockPart>): BlockPart {
  return copies.get(block)!.find(copy => !damaged.has(copy))!
}

function chosen(found: FoundTransfer[], folders: readonly string[], file: string | undefined): FoundTransfer {
  const names = [...new Set(found.map(one => one.file))].sort()
  const where = folders.join(', ')
  if (names.length === 0) {
    const which = file === undefined ? 'blocks' : `blocks of ${JSON.stringify(file)}`
    throw new MillraceError('NOT_FOUND', `Expected ${which} in ${where}, found none.`, {
      hint: 'Name the folders processed_data_<machine> of all receivers.',
    })
  }
  if (names.length > 1) {
    const shown = names.slice(0, MOST_NAMES).map(name => JSON.stringify(name))
    const rest = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''
    throw new MillraceError(
      'BAD_USER_INPUT',
      `Expected to be told which file, because there are ${names.length}: ${shown.join(', ')}${rest}.`,
      { hint: 'Choose one with --file.' },
    )
  }
  return found[0]!
}

function blocksMissing({ file, totalBlocks, missing }: FoundTransfer): MillraceError {
  return new MillraceError(
    'DATA_LOST',
    `Expected ${counted(totalBlocks, 'block')} of ${JSON.stringify(file)}, but ${missing.length} ${missing.length === 1 ? 'is' : 'are'} missing: ${rangesOf(missing)}.`,
    { hint: 'Name the folders of all machines; should a block be nowhere, send the file again.' },
  )
}

async function checkOutput(output: string): Promise<void> {
  const folder = dirname(resolve(output))
  try {
    if ((await allowedIn(folder, stat(folder))).isDirectory()) {
      await allowedIn(folder, access(folder, constants.W_OK | constants.X_OK))
      return
    }
  } catch (cause) {
    if (!hasErrno(cause, 'ENOENT', 'ENOTDIR')) throw cause
  }
  throw new MillraceError('BAD_USER_INPUT', `Expected a folder at ${folder}, found none.`, {
    hint: 'Make it, or give --output another place.',
  })
}
