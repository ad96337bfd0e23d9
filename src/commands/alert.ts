import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Environment } from '../config.ts'
import { asError } from '../errors.ts'
import type { Problem } from '../files/track/overview.ts'

/** Tells somebody of problems, of each once. */
export interface Alerts {
  /** All problems that there are now. New ones are told; those that are over may be told again when they come back. */
  see(problems: readonly Problem[]): void
  /** When all that was begun has been told, or given up. */
  settled(): Promise<void>
}

export interface AlertsOptions {
  deliver: (problem: Problem) => Promise<void>
  /** A problem that nobody could be told of, once for each. */
  onFailure: (problem: Problem, reason: string) => void
}

const ATTEMPTS = 3
const COMMAND_MILLIS = 30_000
const REQUEST_MILLIS = 10_000
const MOST_WORDS = 200

export function createAlerts({ deliver, onFailure }: AlertsOptions): Alerts {
  const told = new Set<string>()
  let last: Promise<void> = Promise.resolve()

  async function tell(problem: Problem): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await deliver(problem)
      } catch (error) {
        if (attempt === ATTEMPTS) return onFailure(problem, asError(error).message)
      }
    }
  }

  return {
    see(problems) {
      const causes = new Set(problems.map(({ cause }) => cause))
      for (const cause of told) if (!causes.has(cause)) told.delete(cause)
      for (const problem of problems) {
        if (told.has(problem.cause)) continue
        told.add(problem.cause)
        // One after the other: a hundred problems are no hundred processes.
        last = last.then(() => tell(problem))
      }
    },
    settled: () => last,
  }
}

/**
 * How a problem is told. To a URL: POST with the problem as JSON. Else to a command of the shell: the problem as JSON on stdin and, for one-liners, its message
 * in ALERT_MESSAGE. Both have a deadline, and fail where the answer is no success.
 */
export function deliveryTo(target: string, environment: Environment): (problem: Problem) => Promise<void> {
  return /^https?:\/\//.test(target)
    ? problem => post(target, problem)
    : problem => runCommand(target, environment, problem)
}

async function post(url: string, problem: Problem): Promise<void> {
  const reply = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(problem),
    redirect: 'error',
    signal: AbortSignal.timeout(REQUEST_MILLIS),
  })
  await reply.body?.cancel()
  if (!reply.ok) throw new Error(`it answered with ${reply.status}`)
}

async function runCommand(command: string, environment: Environment, problem: Problem): Promise<void> {
  const child = spawn(command, {
    shell: true,
    env: { ...environment, ALERT_MESSAGE: problem.message.replaceAll('\0', '') },
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: COMMAND_MILLIS,
    killSignal: 'SIGKILL',
  })
  // A command need not read what it is given.
  child.stdin.on('error', () => {})
  child.stdin.end(`${JSON.stringify(problem)}\n`)
  let words = ''
  child.stderr.on('data', (text: Buffer) => {
    words = (words + text.toString()).slice(-MOST_WORDS)
  })
  // Not "close": what the command has left running may hold the streams for long.
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
  child.stderr.destroy()
  if (code !== 0) throw new Error(`${signal ? `it was ended by ${signal}` : `it ended with ${code}`} ${words}`.trim())
}
