import type { Config } from './config.ts'
import type { Log } from './datasources/log.ts'

const MILLIS_PER_HOUR = 3_600_000

/** The log that is configured; whoever opens it closes it. Only its own client is loaded, for Kafka's takes half a second. */
export async function openRecordLog({ log }: Pick<Config, 'log'>): Promise<Log> {
  if (log.kind === 'sqlite') {
    const { sqliteLog } = await import('./datasources/sqliteLog.ts')
    return sqliteLog({ file: log.file, keepMillis: log.keepHours * MILLIS_PER_HOUR })
  }
  const { kafkaLog } = await import('./datasources/kafkaLog.ts')
  return kafkaLog(log)
}
