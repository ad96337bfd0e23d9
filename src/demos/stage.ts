import { join } from 'node:path'
import { type App, createApp } from '../app.ts'
import type { Terminal } from '../commands/terminal.ts'
import { type Config, type Environment, readConfig, withDotEnv } from '../config.ts'
import { hasCode } from '../errors.ts'

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

/** Where the port is taken, the server listens on a free one. */
export async function listen(stage: Stage, config: Config): Promise<{ app: App; url: string }> {
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

export async function stopped({ say, terminal: { signal } }: Stage): Promise<void> {
  say('\nCtrl-C stops it.')
  if (!signal.aborted) await new Promise(resolve => signal.addEventListener('abort', resolve))
}
