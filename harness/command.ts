import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export interface CommandOptions {
  environment?: Record<string, string>
  /** Another user than our own to run it as; only root may choose. */
  user?: { uid: number; gid: number }
  /** The command is killed after this. */
  timeoutMillis?: number
  /** Ends that are no errors; 0 alone unless told. */
  exitCodes?: number[]
}

/** Runs a command to its end and returns its standard output; an end that was not expected is an error with what it printed. */
export function runCommand(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
      ...options.user,
      timeout: options.timeoutMillis ?? 0,
      killSignal: 'SIGKILL',
    })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      const expected = options.exitCodes ?? [0]
      if (code !== null && expected.includes(code)) resolve(output)
      else
        reject(
          new Error(
            `${commandLine(command, args)}: expected exit code ${expected.join(' or ')}, got ${code ?? signal}\n${tail(output + errors)}`,
          ),
        )
    })
  })
}

/** The path of the first of `names` that is on the PATH or among the system's own commands. */
export function findCommand(...names: string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']
  for (const name of names) {
    const found = folders.map(folder => join(folder, name)).find(isExecutable)
    if (found) return found
  }
  return undefined
}

/** The last lines of a text. */
export function tail(text: string, lines = 30): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function commandLine(command: string, args: string[]): string {
  const line = [command, ...args].join(' ')
  return line.length > 200 ? `${line.slice(0, 200)}...` : line
}
