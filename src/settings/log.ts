import { z } from 'zod'
import { COMPRESSIONS, SASL_MECHANISMS } from '../datasources/kafka/address.ts'
import { parseLogUrl } from '../roleUrls.ts'
import { parsed, setting, trueOrFalse, wholeNumber } from './setting.ts'

/** The role log. */
export const LOG_SETTINGS = {
  MILLRACE_LOG_URL: setting({
    description:
      'Where records are kept in partitions: kafka://user:password@broker:9092 (more brokers after commas), or sqlite:<file>. Unset: the file log.sqlite in the data directory.',
    fallback: '',
    expected: 'kafka://broker:9092 or sqlite:<file>',
    schema: z.string().transform(parsed(parseLogUrl)),
  }),
  MILLRACE_LOG_USER: setting({
    description: 'The user for Kafka, where MILLRACE_LOG_URL has none. Unset: no authentication.',
    fallback: '',
    expected: 'a user name',
    schema: z.string(),
  }),
  MILLRACE_LOG_PASSWORD: setting({
    description: 'The password of MILLRACE_LOG_USER.',
    fallback: '',
    expected: 'a password',
    schema: z.string(),
  }),
  MILLRACE_LOG_SASL_MECHANISM: setting({
    description: 'How the user is proved to Kafka; PLAIN sends the password as it is and wants MILLRACE_LOG_TLS=true.',
    fallback: 'SCRAM-SHA-512',
    expected: `one of ${SASL_MECHANISMS.join(', ')}`,
    schema: z
      .string()
      .transform(name => name.toUpperCase())
      .pipe(z.enum(SASL_MECHANISMS)),
  }),
  MILLRACE_LOG_TLS: setting({
    description: 'Whether to speak TLS to Kafka; the names of the brokers must be in their certificates.',
    fallback: 'false',
    ...trueOrFalse,
  }),
  MILLRACE_LOG_TLS_CA: setting({
    description:
      "A file with the certificates of authorities that sign Kafka's, in PEM. Unset: those that Node trusts.",
    fallback: '',
    expected: 'a file',
    schema: z.string().refine(file => !file.includes('\0')),
  }),
  MILLRACE_LOG_COMPRESSION: setting({
    description: 'How records are compressed on their way to Kafka and in it.',
    fallback: 'none',
    expected: `one of ${COMPRESSIONS.join(', ')}`,
    schema: z.enum(COMPRESSIONS),
  }),
  MILLRACE_LOG_KEEP_HOURS: setting({
    description: 'How long the embedded log keeps records; Kafka has settings of its own.',
    fallback: '168',
    ...wholeNumber(1, 876_000),
  }),
}
