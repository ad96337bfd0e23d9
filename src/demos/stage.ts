import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { type App, createApp } from '../app.ts'
import { type Client, createClient } from '../client/client.ts'
import type { Terminal } from '../commands/terminal.ts'
import { type Config, type Environment, readConfig, withDotEnv } from '../config.ts'
import { claimDataDirectory } from '../dataDirectory.ts'
import { pause } from '../datasources/abortable.ts'
import { hasCode, MillraceError } from '../errors.ts'

/** What every demo stands on. */
export interface Stage {
  terminal: Terminal
  /** Whether the demo ends when it has shown everything, or leaves its server to be tried out. */
  exitAtEnd: boolean
  say: (text: string) => void
}

/** Embedded, whatever systems the environment names: a demo touches nobody's data. */
export function demoEnvironment({ terminal }: Stage, folder: string, own: Environment = {}): Environment {
  const environment = withDotEnv(terminal.environment, terminal.folder)
  return {
    ...environment,
    MILLRACE_SOURCE_URL: '',
    MILLRACE_STORAGE_URL: '',
    MILLRACE_LOG_URL: '',
    ...own,
    MILLRACE_DATA_DIR: join(environment.MILLRACE_DATA_DIR || 'data', folder),
    MILLRACE_LOG_LEVEL: environment.MILLRACE_LOG_LEVEL || 'warn',
  }
}

export function demoConfig(stage: Stage, folder: string): Config {
  return readConfig(demoEnvironment(stage, folder))
}

/** Removes what an earlier run has left. Refused while another demo runs there. */
export function clear({ dataDir }: Config): void {
  claimDataDirectory(dataDir).release()
  rmSync(dataDir, { recursive: true, force: true })
}

/** Shows something through a server that runs as long as that takes. */
export async function withServer(
  stage: Stage,
  config: Config,
  show: (client: Client, url: string) => Promise<void>,
): Promise<void> {
  const { app, url } = await listen(stage, config)
  const client = createClient(url)
  try {
    await show(client, url)
  } finally {
    await client.close()
    await app.close()
  }
}

/** Where the port is taken, the server listens on a free one. */
async function listen(stage: Stage, config: Config): Promise<{ app: App; url: string }> {
  const app = await createApp(config)
  try {
    const { url } = await app.listen()
    return { app, url }
  } catch (error) {
    await app.close()
    if (!hasCode(error, 'CONFLICT') || config.port === 0) throw error
    stage.say(`Port ${config.port} is taken, so the server listens on a free one.`)
    return listen(stage, { ...config, port: 0 })
  }
}

/** Lines that begin with the seconds since the first. */
export function timeline({ say }: Pick<Stage, 'say'>): (text: string) => void {
  const startMillis = performance.now()
  return text => say(`${((performance.now() - startMillis) / 1_000).toFixed(1).padStart(6)} s  ${text}`)
}

export interface Awaiting<T> {
  look: () => Promise<T>
  isSo: (seen: T) => boolean
  /** What keeps it from ever being so; undefined while nothing does. */
  failure: () => string | undefined
  /** After "Expected": "the rows to become files". */
  what: string
  signal: AbortSignal
}

const LOOK_MILLIS = 50
/** On an idle machine nothing takes longer than some seconds. */
const PATIENCE_MILLIS = 120_000

/** What was seen as soon as it is so; INTERNAL where it never is. */
export async function untilSo<T>({ look, isSo, failure, what, signal }: Awaiting<T>): Promise<T> {
  for (const giveUpAt = performance.now() + PATIENCE_MILLIS; ; ) {
    const seen = await look()
    if (isSo(seen)) return seen
    const reason = failure()
    if (reason !== undefined || performance.now() > giveUpAt) {
      throw new MillraceError('INTERNAL', `Expected ${what}. ${reason ?? 'It takes too long.'}`)
    }
    await pause(LOOK_MILLIS, signal)
  }
}

/** Ctrl-C. */
export async function stopped({ say, terminal: { signal } }: Stage): Promise<void> {
  say('\nCtrl-C stops it.')
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve))
}
