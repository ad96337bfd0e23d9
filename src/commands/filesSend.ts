import { resolve } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../datasources/clock.ts'
import type { Sender, SendResult } from '../files/send/sender.ts'
import { BLOCK_BYTES, encodingOf, FILE_COMPRESSIONS, type FileCompression } from '../files/settings.ts'
import { fileTopics } from '../files/wire/topics.ts'
import { sentence } from '../files/words.ts'
import { etaSeconds, nextRate, type Rate, startRate } from '../jobs/estimate.ts'
import { type Context, defineCommand, flag, type Input, optional, required, text } from './command.ts'
import { brokersOption, byteCount, machineIdOption, withFilesPorts } from './filesPorts.ts'
import type { ProgressDisplay } from './progressDisplay.ts'

const LOOK_MILLIS = 200

export const filesSend = defineCommand({
  name: 'files send',
  summary: 'send every file below a folder through the log, but for what is acknowledged already',
  alone: true,
  inputs: {
    dataFolder: required('--data-folder <folder>', 'the folder; links are not followed', text),
    machineId: machineIdOption(),
    brokers: brokersOption(),
    blockSize: optional('--block-size <bytes>', 'such as 128MiB (default: MILLRACE_FILES_BLOCK_BYTES)', blockBytes),
    compression: compressionOption(),
    wait: flag('--wait', 'end when every block is acknowledged; 1 where one has failed'),
  },
  run: (context, { dataFolder, machineId, brokers, blockSize, compression, wait }) =>
    withFilesPorts(context, brokers, async ({ log, settings }) => {
      const { terminal } = context
      const [{ createSender }, { sendOutcome }, { openSeal }] = await Promise.all([
        import('../files/send/createSender.ts'),
        import('../files/send/outcome.ts'),
        import('../files/sealKey.ts'),
      ])
      const sender = createSender({
        log: await log(),
        folder: resolve(terminal.folder, dataFolder),
        machine: machineId ?? settings.machineId,
        topics: fileTopics(settings.topicPrefix),
        seal: await openSeal(settings),
        settings: {
          blockBytes: blockSize ?? settings.blockBytes,
          encoding: encodingOf(compression ?? settings.compression),
          replication: settings.replication,
          wait,
        },
      })
      const result = await shown(sender, context)
      for (const { name, reason } of result.leftOut) {
        terminal.stderr.write(`warning: ${JSON.stringify(name)} was left out: ${reason}.\n`)
      }
      return { message: sendOutcome(result, wait), ...summaryOf(result) }
    }),
  show: ({ message }) => message,
})

/** Of what succeeded. */
function summaryOf({ files, leftOut }: SendResult) {
  return {
    files: files.map(({ transferId, file, bytes, blocks, sends, acknowledgedBlocks, sha256 }) => ({
      file,
      transfer_id: transferId,
      bytes,
      blocks,
      sent: sends,
      acknowledged: acknowledgedBlocks,
      sha256,
    })),
    left_out: leftOut.map(({ name, reason }) => ({ name, reason })),
  }
}

/** Runs the sender with a progress bar, and tells of what it waits for. */
async function shown(sender: Sender, { progress, terminal }: Context): Promise<SendResult> {
  const { stderr, signal } = terminal
  const display = progress('Sending')
  const done = new AbortController()
  const showing = show()
  try {
    return await sender.run(signal)
  } finally {
    done.abort()
    await showing
    display.stop()
    for (const warning of sender.state().warnings) stderr.write(`warning: ${warning}\n`)
  }

  async function show(): Promise<void> {
    const draw = progressOf(sender, display)
    while (!done.signal.aborted) {
      draw()
      await systemClock.pause(LOOK_MILLIS, done.signal).catch(() => {})
    }
    draw()
  }
}

/** Bytes while they are sent, then blocks while they are acknowledged; what it waits for, where it waits for the log. */
function progressOf(sender: Sender, display: ProgressDisplay): () => void {
  let rate: Rate | undefined
  return () => {
    const { phase, bytes, sentBytes, blocks, acknowledgedBlocks, failedBlocks, trouble } = sender.state()
    if (phase === 'starting' || trouble !== null) {
      const message = trouble === null ? null : `waits: ${sentence(trouble)}`
      display.update({ done: sentBytes, total: bytes, unit: '', bytes: 0, etaSeconds: null }, message)
    } else if (phase === 'waiting') {
      const unit = failedBlocks === 0 ? 'blocks acknowledged' : `blocks acknowledged, ${failedBlocks} failed`
      display.update({ done: acknowledgedBlocks, total: blocks, unit, bytes: 0, etaSeconds: null }, null)
    } else {
      const nowMillis = Date.now()
      rate = rate ? nextRate(rate, sentBytes, nowMillis) : startRate(sentBytes, nowMillis)
      const eta = etaSeconds(rate, sentBytes, bytes)
      display.update({ done: sentBytes, total: bytes, unit: 'bytes', bytes: 0, etaSeconds: eta }, null)
    }
  }
}

function blockBytes(text: string): number {
  const bytes = byteCount(text)
  const { least, most } = BLOCK_BYTES
  if (bytes >= least && bytes <= most) return bytes
  throw new InvalidArgumentError(`Expected bytes from ${least} to ${most}.`)
}

function compressionOption(): Input<FileCompression | undefined> {
  const words = FILE_COMPRESSIONS.join('|')
  return {
    commander: new Option(`--compression <${words}>`, 'of the chunks (default: MILLRACE_FILES_COMPRESSION)').choices(
      FILE_COMPRESSIONS,
    ),
  }
}
