import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { findCommand, tail } from '../../harness/command.ts'

/** What builds and runs containers on this machine. */
export interface Engine {
  /** "podman 4.3.1 with podman-compose", for people. */
  description: string
  /** Runs the engine's own command and returns what it printed. */
  run(args: readonly string[], options: RunOptions): Promise<string>
  /** The same for its compose command, in the project's root. */
  compose(args: readonly string[], options: RunOptions): Promise<string>
}

export interface RunOptions {
  /** The command is killed after this. */
  timeoutSeconds: number
  signal?: AbortSignal
  /** For its standard input. */
  input?: string
  environment?: Record<string, string>
}

export const ROOT = join(import.meta.dirname, '..', '..')
/** Lies beside the project at the place where it is made: prepares a machine that has no Docker engine. */
const SETUP = join(ROOT, '..', 'shared', 'containers', 'setup.sh')

/** The first that works: podman with podman-compose, then Docker with its compose plugin. */
export async function findEngine(signal: AbortSignal, say: (line: string) => void): Promise<Engine> {
  if (!(await podmanWorks(signal)) && existsSync(SETUP) && process.getuid?.() === 0) {
    say('preparing podman on this machine (once, some minutes)')
    await run(['bash', SETUP], { timeoutSeconds: 600, signal })
  }
  if (await podmanWorks(signal)) return podman(await version('podman', signal))
  if (await dockerWorks(signal)) return docker(await version('docker', signal))
  throw new Error(
    'expected podman with podman-compose, or a running Docker engine with "docker compose"; found neither',
  )
}

function podman(version: string): Engine {
  // Some builds reach the package registries only by the host's own network.
  const composeCommand = ['podman-compose', '--in-pod=false', '--podman-build-args=--network=host']
  return {
    description: `${version} with podman-compose`,
    run: (args, options) => run(['podman', ...args], options),
    compose: (args, options) => run([...composeCommand, ...args], options),
  }
}

function docker(version: string): Engine {
  return {
    description: `${version} with docker compose`,
    run: (args, options) => run(['docker', ...args], options),
    compose: (args, options) => run(['docker', 'compose', ...args], options),
  }
}

async function podmanWorks(signal: AbortSignal): Promise<boolean> {
  if (!findCommand('podman') || !findCommand('podman-compose')) return false
  return succeeds(['podman', 'info'], signal)
}

/** The command may be there without an engine. */
async function dockerWorks(signal: AbortSignal): Promise<boolean> {
  if (!findCommand('docker')) return false
  return (await succeeds(['docker', 'info'], signal)) && (await succeeds(['docker', 'compose', 'version'], signal))
}

async function version(command: string, signal: AbortSignal): Promise<string> {
  const text = await run([command, '--version'], { timeoutSeconds: 20, signal })
  return text.trim().replace(' version', '')
}

async function succeeds(command: string[], signal: AbortSignal): Promise<boolean> {
  return run(command, { timeoutSeconds: 20, signal }).then(
    () => true,
    () => false,
  )
}

/** In a process group of its own, so that Ctrl-C ends it through `signal` alone and never what cleans up. */
function run([command = '', ...args]: string[], options: RunOptions): Promise<string> {
  const { timeoutSeconds, signal, input = '', environment } = options
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...environment },
      stdio: 'pipe',
      detached: true,
    })
    const kill = () => child.pid && process.kill(-child.pid, 'SIGKILL')
    const timer = setTimeout(kill, timeoutSeconds * 1000)
    signal?.addEventListener('abort', kill, { once: true })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.stdin.on('error', () => {}) // it has ended without reading: its exit code says why
    child.stdin.end(input)
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', kill)
      if (code === 0) resolve(output)
      else if (signal?.aborted) reject(signal.reason as Error)
      else
        reject(
          new Error(
            `${[command, ...args].join(' ')}: expected exit code 0 within ${timeoutSeconds} s, got ${code ?? killedBy}\n${tail(output + errors)}`,
          ),
        )
    })
  })
}
