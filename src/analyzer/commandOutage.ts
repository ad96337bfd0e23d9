import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { asError, MillraceError } from '../errors.ts'
import type { Outage } from './measure.ts'

const execute = promisify(execFile)
const commandMillis = 120_000

export interface OutageCommands {
  /** Words separated by spaces; the name of what is to go down or to come back becomes the last word. */
  kill: string
  restore: string
  /** Where the commands run. */
  folder: string
  environment: Readonly<Record<string, string | undefined>>
}

/** An outage that a command causes and another one ends; UNAVAILABLE with what the command said where it fails. */
export function commandOutage(name: string, { kill, restore, folder, environment }: OutageCommands): Outage {
  const run = async (command: string) => {
    const [file = '', ...words] = command.trim().split(/\s+/)
    try {
      await execute(file, [...words, name], { cwd: folder, env: environment, timeout: commandMillis })
    } catch (error) {
      throw new MillraceError('UNAVAILABLE', `"${command} ${name}" failed: ${whatFailed(error)}`, {
        hint: 'Is that cluster up, and does it have a DataNode of this name? --kill-command and --restore-command name other commands.',
        cause: error,
      })
    }
  }
  return { name, begin: () => run(kill), end: () => run(restore) }
}

function whatFailed(error: unknown): string {
  const failure = asError(error)
  const said = 'stderr' in failure && typeof failure.stderr === 'string' ? failure.stderr.trim() : ''
  return said || failure.message
}
