import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '../../errors.ts'
import { parseTransform } from './parseTransform.ts'
import type { Transform } from './transform.ts'

/** The transforms that come with Millrace. */
export const OWN_TRANSFORMS = fileURLToPath(new URL('../../../transforms', import.meta.url))

/**
 * The .sql files of a folder, by name of their table. They are read for every run, so a file that is added or changed counts from the next on.
 *
 * Errors: NOT_FOUND where there is no such folder or no .sql file in it; BAD_USER_INPUT as parseTransform().
 */
export async function readTransforms(folder: string): Promise<Transform[]> {
  const names = (await list(folder)).filter(name => name.endsWith('.sql') && !name.startsWith('.'))
  if (names.length === 0) {
    throw new MillraceError('NOT_FOUND', `Expected .sql files in the folder of transforms ${folder}, found none.`, {
      hint: 'Put one file for each result table there, or set MILLRACE_TRANSFORMS_DIR.',
    })
  }
  names.sort()
  return await Promise.all(
    names.map(async name => {
      const file = join(folder, name)
      return parseTransform(file, await readFile(file, 'utf8'))
    }),
  )
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new MillraceError(
      'NOT_FOUND',
      `Expected a folder of transforms at ${folder}, but cannot read it: ${reason}.`,
      {
        hint: 'Set MILLRACE_TRANSFORMS_DIR to the folder that has the .sql files.',
        cause,
      },
    )
  }
}
