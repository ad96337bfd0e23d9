import { createHash } from 'node:crypto'
import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { FileTransfersDocument } from '../client/generated/graphql.ts'
import { present } from '../client/reply.ts'
import { formatRuledTable } from '../commands/table.ts'
import { formatBytes } from '../commands/words.ts'
import { readConfig } from '../config.ts'
import { hasCode, MillraceError } from '../errors.ts'
import { joinFile } from '../files/join/joinFile.ts'
import { distributeFiles, MACHINES } from './filesDistribution.ts'
import { type DemoFile, makeFiles } from './filesSample.ts'
import { clear, demoEnvironment, type Stage, stopped, withServer } from './stage.ts'

/** What a user may have set for machines of their own. */
const UNSET = {
  MILLRACE_FILES_TOPIC_PREFIX: '',
  MILLRACE_FILES_KEY: '',
  MILLRACE_FILES_KEY_FILE: '',
  MILLRACE_FILES_SINK: '',
  MILLRACE_FILES_ROOT: '',
}

/** Files through the log to two receivers, one of which is killed; put together again, they are what they were. */
export async function demonstrateFiles(stage: Stage): Promise<void> {
  const { say, exitAtEnd } = stage
  const environment = demoEnvironment(stage, 'demo-files', UNSET)
  const config = readConfig(environment)
  say('Millrace demo: files in blocks to two machines, each block stored once.\n')
  clear(config)
  const outbox = config.files.root
  const files = await makeFiles(outbox)
  const folders = await distributeFiles(stage, { files: files.length, config, environment })
  await showMissing(stage, files[0]!, folders)
  await joinAll(stage, files, { outbox, folders, into: join(config.dataDir, 'joined') })
  if (!exitAtEnd) {
    await withServer(stage, config, async (client, url) => {
      const { signal } = stage.terminal
      const reply = await client.request(FileTransfersDocument, { first: files.length, state: 'COMPLETE' }, { signal })
      say(`\nA server on this log knows of ${present(reply.fileTransfers).length} complete files.`)
      showWhatNext(stage, url)
      await stopped(stage)
    })
  }
  clear(config)
  say(`\nRemoved what the demo has made in ${config.dataDir}.`)
}

/** Of one machine's blocks alone. */
async function showMissing({ say }: Stage, { name }: DemoFile, folders: readonly string[]): Promise<void> {
  try {
    await joinFile({ folders: folders.slice(1), output: join(folders[1]!, '..', 'part'), file: name })
  } catch (error) {
    if (!hasCode(error, 'DATA_LOST')) throw error
    say(`\nFrom the blocks of ${MACHINES[1]} alone nothing is put together:\n  ${error.message}`)
    return
  }
  throw new MillraceError('INTERNAL', `Expected ${MACHINES[1]} to have some of the blocks, but it has all.`)
}

interface JoinPlaces {
  outbox: string
  folders: readonly string[]
  into: string
}

async function joinAll(
  { say }: Stage,
  files: readonly DemoFile[],
  { outbox, folders, into }: JoinPlaces,
): Promise<void> {
  const rows: string[][] = []
  for (const [number, { name, bytes }] of files.entries()) {
    const joined = await joinFile({ folders, output: `${into}-${number}`, file: name })
    const [source, output] = await Promise.all([sha256Of(join(outbox, name)), sha256Of(joined.output)])
    if (source !== output) throw new MillraceError('DATA_LOST', `${name} is not what it was: ${output}, not ${source}.`)
    const stored = folders.map(folder => String(blocksIn(join(folder, name))))
    rows.push([name, formatBytes(bytes), String(joined.blocks), ...stored, `${source.slice(0, 8)}…, equal`])
  }
  const heads = ['joined', 'bytes', 'blocks', ...MACHINES, 'SHA-256']
  say(`\n${formatRuledTable(heads, rows, ['left', 'right', 'right', 'right', 'right', 'left'])}`)
}

function blocksIn(folder: string): number {
  try {
    return readdirSync(folder).filter(name => name.endsWith('.bin')).length
  } catch {
    return 0
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

function showWhatNext({ say }: Stage, url: string): void {
  say(`
Try next, while this server runs:

  GraphiQL in a browser: ${url}/graphql

  npm run -s millrace -- files list --url ${url}
  npm run -s millrace -- files send --help
  npm run -s millrace -- files monitor --help`)
}
