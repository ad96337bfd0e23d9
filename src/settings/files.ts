import { z } from 'zod'
import { parseSealKey } from '../files/sealKey.ts'
import { BLOCK_BYTES, FILE_COMPRESSIONS } from '../files/settings.ts'
import { COPIES, seconds, setting, wholeNumber } from './setting.ts'

/** Files. */
export const FILES_SETTINGS = {
  MILLRACE_FILES_TOPIC_PREFIX: setting({
    description: 'What the topics of the file distribution have before their names, so that several can share one log.',
    fallback: '',
    expected: 'up to 200 letters, digits, ".", "_" and "-"',
    schema: z.string().regex(/^[A-Za-z0-9._-]{0,200}$/),
  }),
  MILLRACE_FILES_REPLICATION: setting({
    description:
      'On how many brokers each chunk is kept, where the topics have to be made; auto is three, or as many as there are.',
    fallback: 'auto',
    expected: `auto, or ${COPIES.expected}`,
    schema: z.union([z.literal('auto').transform(() => null), COPIES.schema]),
  }),
  MILLRACE_FILES_BLOCK_BYTES: setting({
    description: 'How long the blocks are in which files are sent.',
    fallback: '134217728',
    ...wholeNumber(BLOCK_BYTES.least, BLOCK_BYTES.most),
  }),
  MILLRACE_FILES_COMPRESSION: setting({
    description: 'How the chunks of files are compressed before they are sealed and sent.',
    fallback: 'none',
    expected: `one of ${FILE_COMPRESSIONS.join(', ')}`,
    schema: z.enum(FILE_COMPRESSIONS),
  }),
  MILLRACE_FILES_KEY: setting({
    description:
      'What the chunks of files are sealed with (AES-256-GCM): 32 bytes in base64 or hexadecimal, the same for all senders and receivers. Unset: they are not, unless MILLRACE_FILES_KEY_FILE is set.',
    fallback: '',
    secret: true,
    expected: '32 bytes in base64 or hexadecimal, such as "openssl rand -base64 32" prints',
    schema: z
      .string()
      .refine(text => text === '' || parseSealKey(text) !== undefined)
      .transform(text => parseSealKey(text) ?? null),
  }),
  MILLRACE_FILES_KEY_FILE: setting({
    description: 'A file with the key, where MILLRACE_FILES_KEY is unset.',
    fallback: '',
    expected: 'a file',
    schema: z.string().refine(file => !file.includes('\0')),
  }),
  MILLRACE_FILES_MACHINE_ID: setting({
    description: 'What this machine calls itself among senders and receivers. Unset: its host name.',
    fallback: '',
    expected: 'up to 64 letters, digits, ".", "_" and "-"',
    schema: z.string().regex(/^[\w.-]{0,64}$/),
  }),
  MILLRACE_FILES_PROCESS_SECONDS: setting({
    description: "How long a receiver's processor may take for one block.",
    fallback: '300',
    ...seconds(0.01, 86_400),
  }),
  MILLRACE_FILES_ROOT: setting({
    description:
      'The API sends folders below this one only: whoever may call sendFiles must not get at every file of the server. Unset: the folder "outbox" in the data directory.',
    fallback: '',
    expected: 'a folder',
    schema: z.string().refine(folder => !folder.includes('\0')),
  }),
  MILLRACE_FILES_SINK: setting({
    description:
      'The folder of the storage in which received blocks are put together as files. Unset: they stay with their receivers only.',
    fallback: '',
    expected: 'an absolute path of the storage, such as /received',
    schema: z.string().regex(/^(?:\/(?!\/)[^\0]*)?$/),
  }),
}
