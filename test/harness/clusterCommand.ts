import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const PROGRAM = join(import.meta.dirname, '..', '..', 'harness', 'main.ts')

export interface CommandResult {
  output: string
  errors: string
  exitCode: number
}

/** `npm run cluster -- ...args` with its cluster in `<dataFolder>/cluster`. */
export async function clusterCommand(dataFolder: string, ...args: string[]): Promise<CommandResult> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: dataFolder, // away from any .env of the developer's
    env: { ...process.env, MILLRACE_DATA_DIR: dataFolder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [exitCode] = (await closed) as [number]
  return { output, errors, exitCode }
}
