import { z } from 'zod'
import { parseInboxUrl } from '../roleUrls.ts'
import { scheduleProblem } from '../warehouse/schedule.ts'
import { parsed, setting, wholeNumber } from './setting.ts'

/** Warehouse. */
export const WAREHOUSE_SETTINGS = {
  MILLRACE_CITIZENS_URL: setting({
    description:
      'Where each day\'s citizens are left for us, as dt=YYYY-MM-DD/citizens_data.csv below file:<folder> or http(s)://user:password@host/path. Unset: the folder "citizens" in the data directory, in which a day that is missing is made as a synthetic sample.',
    fallback: '',
    expected: 'file:<folder>, or http:// or https:// and a path',
    schema: z.string().transform(parsed(parseInboxUrl)),
  }),
  MILLRACE_CITIZENS_BAD_PERCENT: setting({
    description: "The share of a day's rows, in percent, that may be bad and kept aside; a file with more is refused.",
    fallback: '1',
    expected: 'a number from 0 to 100, such as 0.5',
    schema: z
      .string()
      .regex(/^\d{1,3}(\.\d{1,6})?$/)
      .transform(Number)
      .pipe(z.number().max(100)),
  }),
  MILLRACE_CITIZENS_TABLES: setting({
    description: 'Tables of the source that are landed with the citizens of each day, with commas between them.',
    fallback: 'regions,occupations',
    expected: 'names of lower case letters, digits and "_", with commas between them',
    schema: z
      .string()
      .regex(/^[a-z_][a-z0-9_]{0,47}(,[a-z_][a-z0-9_]{0,47})*$/)
      .transform(names => [...new Set(names.split(','))]),
  }),
  MILLRACE_TRANSFORMS_DIR: setting({
    description: 'The folder of .sql files, one for each result table. Unset: those that come with Millrace.',
    fallback: '',
    expected: 'a folder',
    schema: z.string().refine(folder => !folder.includes('\0')),
  }),
  MILLRACE_WAREHOUSE_SCHEDULE: setting({
    description:
      'When the server runs the day before for the warehouse by itself, as cron says it: "0 3 * * *" is every day at three. Dates that were missed are caught up.',
    fallback: 'off',
    expected: 'off, or five fields of cron such as 0 3 * * *',
    schema: z
      .string()
      .refine(pattern => pattern === 'off' || scheduleProblem({ pattern, timeZone: 'UTC' }) === null)
      .transform(pattern => (pattern === 'off' ? null : pattern)),
  }),
  MILLRACE_WAREHOUSE_TIME_ZONE: setting({
    description: 'The time zone of the schedule, and of what the day before is.',
    fallback: 'UTC',
    expected: 'a time zone such as Europe/Berlin',
    schema: z.string().refine(timeZone => scheduleProblem({ pattern: '0 0 * * *', timeZone }) === null),
  }),
  MILLRACE_WAREHOUSE_CATCH_UP_DAYS: setting({
    description: 'How many days back the schedule still runs a date that is missing.',
    fallback: '7',
    ...wholeNumber(1, 3_660),
  }),
}
