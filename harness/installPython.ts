import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { runCommand } from './command.ts'
import { cacheFolder, installPython } from './install.ts'
import type { Progress } from './service.ts'

/**
 * Returns a Python interpreter that has the packages of a requirements file, from PyPI: a venv of this interpreter and these
 * requirements, made at the first call on this machine.
 */
export async function installPythonPackages(requirementsFile: string, progress: Progress): Promise<string> {
  const python = await installPython(progress)
  const folder = join(cacheFolder(), `python-${await digestOf(python, requirementsFile)}`)
  if (!existsSync(folder)) await makeVenv(folder, python, requirementsFile, progress)
  return interpreterOf(folder)
}

/** The folder gets its name when it is whole: see fetchHadoopJars. A venv may be moved as long as only its interpreter is used. */
async function makeVenv(folder: string, python: string, requirementsFile: string, progress: Progress): Promise<void> {
  progress(`fetching the Python packages of ${requirementsFile} from PyPI (once) into ${folder}`)
  await mkdir(join(folder, '..'), { recursive: true })
  const unfinished = await mkdtemp(`${folder}.unfinished-`)
  try {
    await runCommand(python, ['-m', 'venv', unfinished])
    await runCommand(interpreterOf(unfinished), [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--only-binary=:all:',
      `--requirement=${requirementsFile}`,
    ])
    await rename(unfinished, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
}

function interpreterOf(venv: string): string {
  return join(venv, 'bin', 'python')
}

/** Other packages, or another Python, make another venv. */
async function digestOf(python: string, requirementsFile: string): Promise<string> {
  const version = await runCommand(python, ['-c', 'import sys; print(sys.executable, sys.version)'])
  const requirements = await readFile(requirementsFile, 'utf8')
  return createHash('sha256').update(`${version}\n${requirements}`).digest('hex').slice(0, 12)
}
