import { InvalidArgumentError, Option } from 'commander'
import { type Config, readConfig, withDotEnv } from '../config.ts'
import type { Log } from '../datasources/log.ts'
import type { Storage } from '../datasources/storage.ts'
import type { FilesSettings } from '../files/settings.ts'
import { type Context, type Input, optional } from './command.ts'
import { freeingEarly } from './freeingEarly.ts'
import { expectLargeBuffers } from './smallHeap.ts'

/** What the files commands that run alone work on: no server, and nobody's data directory is claimed. */
export interface FilesPorts {
  config: Config
  settings: FilesSettings
  log: () => Promise<Log>
  storage: () => Promise<Storage>
}

/**
 * Runs `work` and closes what it has opened.
 *
 * @param brokers Of Kafka, instead of the log that is configured.
 */
export async function withFilesPorts<Result>(
  context: Pick<Context, 'config' | 'terminal'>,
  brokers: readonly string[] | undefined,
  work: (ports: FilesPorts) => Promise<Result>,
): Promise<Result> {
  const config = brokers ? configWith(context, brokers) : context.config()
  await using opened = new AsyncDisposableStack()
  const adopt = <Keeper extends { close(): Promise<void> }>(keeper: Keeper): Keeper =>
    opened.adopt(keeper, keeper => keeper.close())
  return await work({
    config,
    settings: config.files,
    // Each by itself: the keepers of all roles together take more memory than sending files does.
    async log() {
      const { openRecordLog } = await import('../recordLog.ts')
      const log = adopt(await openRecordLog(config))
      expectLargeBuffers()
      return freeingEarly(log)
    },
    async storage() {
      const { openStorage } = await import('../keepers.ts')
      return adopt(openStorage(config))
    },
  })
}

function configWith({ terminal }: Pick<Context, 'terminal'>, brokers: readonly string[]): Config {
  const environment = withDotEnv(terminal.environment, terminal.folder)
  return readConfig({ ...environment, MILLRACE_LOG_URL: `kafka://${brokers.join(',')}` })
}

/** "--brokers one:9092 two:9092" */
export function brokersOption(): Input<string[] | undefined> {
  return { commander: new Option('--brokers <host:port...>', 'of Kafka (default: the log in MILLRACE_LOG_URL)') }
}

/** Of a sender or a receiver. */
export function machineIdOption(): Input<string | undefined> {
  const machineId = (text: string) => {
    if (/^[\w.-]{1,64}$/.test(text)) return text
    throw new InvalidArgumentError('Expected up to 64 letters, digits, ".", "_" and "-".')
  }
  return optional(
    '--machine-id <name>',
    'what this machine calls itself (default: MILLRACE_FILES_MACHINE_ID, else the host name)',
    machineId,
  )
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
}

/** "128MiB", "1000000": bytes. */
export function byteCount(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,12}) ?([a-z]*)$/i.exec(text) ?? []
  const factor = UNITS[unit]
  if (number === '' || factor === undefined)
    throw new InvalidArgumentError('Expected bytes, such as 128MiB or 1000000.')
  return Number(number) * factor
}
