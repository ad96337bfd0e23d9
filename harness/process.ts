import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tail } from './command.ts'
import { waitUntil } from './wait.ts'

/** How to run one long-lived program, and how to see that it can be used. */
export interface DaemonPlan {
  name: string
  command: string
  args: string[]
  /** Working folder; also holds `<name>.log` and `<name>.pid.json`. */
  folder: string
  environment?: Record<string, string>
  /** Another user than our own to run it as; only root may choose. */
  user?: { uid: number; gid: number }
  /** The program is many processes, one for each connection, say: kill, hang and resume mean all of them. */
  wholeTree?: boolean
  /** What stop() asks it to end with; SIGTERM where left out. */
  stopSignal?: NodeJS.Signals
  /** True once the program answers. Errors count as "not yet". */
  isReady(): Promise<boolean>
}

export type DaemonState = 'running' | 'hung' | 'stopped'

/**
 * One program that outlives the process which started it. Its pid is on disk, so any process that knows the plan can
 * drive it. Every method takes effect before it resolves: after kill() the process is gone, after hang() it is stopped.
 */
export interface Daemon {
  readonly name: string
  readonly logFile: string
  state(): DaemonState
  /** Undefined where it does not run. */
  pid(): number | undefined
  /** Nothing happens where it runs. Does not wait until it is ready. */
  start(): Promise<void>
  /** Rejects with the end of the log where the program ends or does not answer in time. */
  waitUntilReady(timeoutMillis?: number): Promise<void>
  /** SIGKILL. Like hang and resume an error where it does not run. */
  kill(): Promise<void>
  /** SIGSTOP: connections stay open, nothing answers. */
  hang(): Promise<void>
  /** SIGCONT. */
  resume(): Promise<void>
  /** SIGTERM, then SIGKILL after `graceMillis`. Nothing happens where it does not run. */
  stop(graceMillis?: number): Promise<void>
}

export function createDaemon(plan: DaemonPlan): Daemon {
  const logFile = join(plan.folder, `${plan.name}.log`)
  const pidFile = join(plan.folder, `${plan.name}.pid.json`)

  const recorded = (): ProcessIdentity | undefined => {
    const identity = readIdentity(pidFile)
    return identity && processState(identity) !== 'gone' ? identity : undefined
  }

  const signal = async (name: NodeJS.Signals, until: ProcessState) => {
    const identity = recorded()
    if (!identity)
      throw new Error(`${plan.name} does not run, so it cannot be sent ${name}; start it with "restart ${plan.name}"`)
    await signalAll(plan.wholeTree ? treeOf(identity) : [identity], name, until)
  }

  const endOfLog = async () => {
    const text = await readFile(logFile, 'utf8').catch(() => '')
    return `The end of ${logFile}:\n${tail(text)}`
  }

  return {
    name: plan.name,
    logFile,

    state() {
      const identity = recorded()
      if (!identity) return 'stopped'
      return processState(identity) === 'hung' ? 'hung' : 'running'
    },

    pid: () => recorded()?.pid,

    async start() {
      if (recorded()) return
      mkdirSync(plan.folder, { recursive: true })
      const pid = await spawnDetached(plan, logFile)
      writeWhole(pidFile, JSON.stringify(identify(pid)))
    },

    async waitUntilReady(timeoutMillis = 120_000) {
      let lastError: unknown = 'none'
      const detail = async () => `The last error: ${String(lastError)}\n${await endOfLog()}`
      await waitUntil({ description: `${plan.name} to answer`, timeoutMillis, detail }, async () => {
        if (!recorded()) throw new Error(`${plan.name} ended while it was starting. ${await endOfLog()}`)
        return plan.isReady().catch(error => {
          lastError = error
          return false
        })
      })
    },

    kill: () => signal('SIGKILL', 'gone'),
    hang: () => signal('SIGSTOP', 'hung'),
    resume: () => signal('SIGCONT', 'running'),

    async stop(graceMillis = 10_000) {
      const identity = recorded()
      if (identity) {
        const tree = plan.wholeTree ? treeOf(identity) : [identity]
        for (const { pid } of tree.slice(1)) trySignal(pid, 'SIGCONT')
        process.kill(identity.pid, plan.stopSignal ?? 'SIGTERM')
        process.kill(identity.pid, 'SIGCONT')
        await waitForState(identity, 'gone', graceMillis).catch(() => undefined)
        await signalAll(tree, 'SIGKILL', 'gone')
      }
      rmSync(pidFile, { force: true })
    },
  }
}

/** To those that are not gone yet, from the top down, so that nobody is left to start them anew. */
async function signalAll(tree: ProcessIdentity[], name: NodeJS.Signals, until: ProcessState): Promise<void> {
  const alive = tree.filter(identity => processState(identity) !== 'gone')
  for (const { pid } of alive) trySignal(pid, name)
  for (const identity of alive) {
    await waitForState(identity, until).catch((error: unknown) => {
      // One that ended in between, as the others did, is neither hung nor running.
      if (identity === tree[0] || processState(identity) !== 'gone') throw error
    })
  }
}

/** Nothing happens where it is gone. */
function trySignal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A process and all that it has started, parents first. */
function treeOf(root: ProcessIdentity): ProcessIdentity[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      parents.set(Number(name), statOf(Number(name)).parent)
    } catch {
      // Gone since the folder was read.
    }
  }
  const tree = [root]
  for (const { pid } of tree) {
    for (const [child, parent] of parents) {
      if (parent !== pid) continue
      try {
        tree.push(identify(child))
      } catch {
        // Likewise.
      }
    }
  }
  return tree
}

/** A pid alone can be another program's by now; with the time of its start, and the boot which that counts from, it cannot. */
export interface ProcessIdentity {
  pid: number
  /** Clock ticks since boot. */
  startedAt: string
  boot: string
}

export type ProcessState = 'running' | 'hung' | 'gone'

/** Throws where there is no such process. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: statOf(pid).startedAt, boot: bootId() }
}

export function processState(identity: ProcessIdentity): ProcessState {
  if (identity.boot !== bootId()) return 'gone'
  let stat: ProcessStat
  try {
    stat = statOf(identity.pid)
  } catch {
    return 'gone'
  }
  if (stat.startedAt !== identity.startedAt) return 'gone'
  // A zombie (Z) holds nothing but its pid: it waits for a parent that may never ask, such as a container's first process.
  // But while other threads of it are still dying, its ports are taken.
  if ((stat.state === 'Z' && stat.threads <= 1) || stat.state === 'X') return 'gone'
  return stat.state === 'T' ? 'hung' : 'running'
}

interface ProcessStat {
  /** One letter, see proc(5). */
  state: string
  parent: number
  threads: number
  startedAt: string
}

function statOf(pid: number): ProcessStat {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // "pid (name) state ppid ...": the name may itself hold blanks and brackets. proc(5) counts the pid as field 1.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    state: fields[3 - 3]!,
    parent: Number(fields[4 - 3]),
    threads: Number(fields[20 - 3]),
    startedAt: fields[22 - 3]!,
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

function waitForState(identity: ProcessIdentity, state: ProcessState, timeoutMillis = 10_000): Promise<void> {
  const description = `process ${identity.pid} to be ${state}`
  return waitUntil({ description, timeoutMillis, pollMillis: 10 }, () => processState(identity) === state)
}

function readIdentity(pidFile: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(pidFile, 'utf8')) as ProcessIdentity
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Its own session, so that Ctrl-C in the terminal reaches the starter only; nothing of ours stays open in it but the log. */
function spawnDetached(plan: DaemonPlan, logFile: string): Promise<number> {
  const log = openSync(logFile, 'a')
  try {
    const child = spawn(plan.command, plan.args, {
      cwd: plan.folder,
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...plan.environment },
      ...plan.user,
    })
    child.unref()
    return new Promise((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid!))
      child.once('error', error =>
        reject(new Error(`${plan.name} could not be started: ${error.message}`, { cause: error })),
      )
    })
  } finally {
    closeSync(log)
  }
}

/** Readers see the old text or the new one. */
export function writeWhole(file: string, text: string): void {
  const temporary = `${file}.${process.pid}.tmp`
  writeFileSync(temporary, text)
  renameSync(temporary, file)
}
