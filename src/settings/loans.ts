import { setting, wholeNumber } from './setting.ts'

/** Migrations. */
export const LOANS_SETTINGS = {
  MILLRACE_MIGRATION_MEMORY_MIB: setting({
    description: 'How much packed but not yet written data a migration may hold in memory, in MiB.',
    fallback: '80',
    ...wholeNumber(16, 65_536),
  }),
  MILLRACE_ENCODE_THREADS: setting({
    description: 'Threads that encode Parquet during a migration.',
    fallback: '1',
    ...wholeNumber(1, 64),
  }),
  MILLRACE_SPARK_ABOVE_ROWS: setting({
    description:
      'A migration of loans with more rows runs on Spark, where Spark is the engine, the source is MySQL and nobody says otherwise.',
    fallback: '5000000',
    ...wholeNumber(0, 999_999_999_999),
  }),
}
