import { runCommandLine } from '../../src/commands/commandLine.ts'

export interface Ran {
  code: number
  stdout: string
  stderr: string
}

export interface RunOptions {
  /** MILLRACE_DATA_DIR. */
  dataDir: string
  environment?: Record<string, string>
  signal?: AbortSignal
  /** Told of each text on stderr, as it comes. */
  onStderr?: (text: string) => void
}

/** Runs the command line in this process, as if stdout and stderr were pipes. */
export async function millrace(parameters: string[], options: RunOptions): Promise<Ran> {
  const ran: Ran = { code: -1, stdout: '', stderr: '' }
  ran.code = await runCommandLine(parameters, {
    stdout: { write: text => (ran.stdout += text) },
    stderr: {
      write(text) {
        ran.stderr += text
        options.onStderr?.(text)
      },
    },
    environment: { MILLRACE_DATA_DIR: options.dataDir, ...options.environment },
    folder: options.dataDir,
    signal: options.signal ?? new AbortController().signal,
  })
  return ran
}
