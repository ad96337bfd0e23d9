import { z } from 'zod'
import { COPIES, seconds, setting, wholeNumber } from './setting.ts'

/** Weather. */
export const WEATHER_SETTINGS = {
  MILLRACE_WEATHER_DELAY_SECONDS: setting({
    description:
      'How long the weather generator waits after each day that it makes; AUTOGRADER_DELAY_OVERRIDE_VAL, where set, wins.',
    fallback: '0.1',
    override: 'AUTOGRADER_DELAY_OVERRIDE_VAL',
    ...seconds(0, 86_400),
  }),
  MILLRACE_WEATHER_TOPIC: setting({
    description: 'The topic of the log that weather goes through.',
    fallback: 'temperatures',
    expected: 'up to 249 letters, digits, ".", "_" and "-"',
    schema: z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/),
  }),
  MILLRACE_WEATHER_REPLICATION: setting({
    description: 'On how many brokers each weather record is kept, where the topic has to be made.',
    fallback: '1',
    ...COPIES,
  }),
  MILLRACE_WEATHER_BATCH_ROWS: setting({
    description: 'A weather file is closed when it has so many rows.',
    fallback: '100000',
    ...wholeNumber(1, 10_000_000),
  }),
  MILLRACE_WEATHER_BATCH_BYTES: setting({
    description: 'A weather file is closed when its records had so many bytes in the log.',
    fallback: '8388608',
    ...wholeNumber(1, 1_073_741_824),
  }),
  MILLRACE_WEATHER_BATCH_AGE_SECONDS: setting({
    description: 'A weather file is closed so long after its first row came, however few there are.',
    fallback: '1',
    ...seconds(0.01, 86_400),
  }),
  MILLRACE_WEATHER_COMPACT_FILES: setting({
    description: 'So many small weather files of one partition are merged by themselves.',
    fallback: '16',
    ...wholeNumber(2, 100_000),
  }),
  MILLRACE_WEATHER_COMPACT_BYTES: setting({
    description: 'How large merged weather files become, in bytes.',
    fallback: '134217728',
    ...wholeNumber(1_024, 1_073_741_824),
  }),
  MILLRACE_WEATHER_KEEP_REPLACED_SECONDS: setting({
    description: 'How long weather files stay after they were merged, for readers who have begun with them.',
    fallback: '900',
    ...wholeNumber(0, 31_536_000),
  }),
}
