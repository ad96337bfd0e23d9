import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from '../../harness/command.ts'
import { installPythonPackages } from '../../harness/installPython.ts'
import type { Storage } from '../../src/datasources/storage.ts'

/** What PyArrow finds in some files of temperatures. */
export interface SeenByPyArrow {
  /** "name type" of each column, by file. */
  columns: string[][]
  /** By file. */
  rows: number[]
  /** Of all dates; null where there are no rows. */
  first: string | null
  last: string | null
  stations: Record<string, { rows: number; degrees: number }>
}

const FOLDER = join(import.meta.dirname, 'pyarrow')
const TIMEOUT_MILLIS = 120_000

/** Reads stored files with PyArrow, from copies on the local disk. */
export async function readWithPyArrow(storage: Storage, paths: readonly string[]): Promise<SeenByPyArrow> {
  const python = await installPythonPackages(join(FOLDER, 'requirements.txt'), line =>
    process.stderr.write(`${line}\n`),
  )
  const folder = await mkdtemp(join(tmpdir(), 'millrace-pyarrow-'))
  try {
    const copies: string[] = []
    for (const [index, path] of paths.entries()) {
      const copy = join(folder, `${index}.parquet`)
      const { length } = await storage.stat(path)
      await writeFile(copy, await storage.read(path, { offset: 0, length }))
      copies.push(copy)
    }
    const printed = await runCommand(python, [join(FOLDER, 'describe.py'), ...copies], {
      timeoutMillis: TIMEOUT_MILLIS,
    })
    return JSON.parse(printed) as SeenByPyArrow
  } finally {
    await rm(folder, { recursive: true })
  }
}
