import { MillraceError } from '../errors.ts'
import { SAMPLE_LOANS } from '../loans/sample/schema.ts'
import { defineCommand } from './command.ts'
import { showSampleProgress } from './sampleProgress.ts'
import { formatCount } from './words.ts'

export const sampleCreate = defineCommand({
  name: 'sample create',
  summary: 'make the embedded source with its synthetic loans anew; the same rows every time',
  inputs: {},
  async run({ config, progress, terminal }) {
    const { source, dataDir } = config()
    if (source.kind !== 'duckdb' || !source.sample) {
      throw new MillraceError(
        'BAD_USER_INPUT',
        'Expected the embedded source, but MILLRACE_SOURCE_URL names another.',
        {
          hint: 'Unset it, or fill a MySQL database with: millrace sample load',
        },
      )
    }
    const { claimDataDirectory } = await import('../dataDirectory.ts')
    const { createSample } = await import('../loans/sample/createSample.ts')
    // A server that reads the old file would go on with it.
    const directory = claimDataDirectory(dataDir)
    const display = progress('sample')
    try {
      await createSample({
        file: source.file,
        onProgress: showSampleProgress(display),
        signal: terminal.signal,
      })
    } finally {
      display.stop()
      directory.release()
    }
    return { file: source.file, loans: SAMPLE_LOANS }
  },
  show: ({ file, loans }) => `Made ${formatCount(loans)} loans in ${file}.`,
})
