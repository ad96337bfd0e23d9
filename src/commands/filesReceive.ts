import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import { fileTopics } from '../files/wire/topics.ts'
import { counted } from '../files/words.ts'
import { defineCommand, flag, optional, text, wholeNumber, withDefault } from './command.ts'
import { brokersOption, machineIdOption, withFilesPorts } from './filesPorts.ts'
import { tellOfTrouble } from './tellOfTrouble.ts'

/** As the original calls it. */
const GROUP_ID = 'distributed-processors'

export const filesReceive = defineCommand({
  name: 'files receive',
  summary: 'take blocks of files from the log, check, process, store and acknowledge them until Ctrl-C',
  alone: true,
  inputs: {
    machineId: machineIdOption(),
    brokers: brokersOption(),
    groupId: withDefault('--group-id <name>', 'receivers of one group share the blocks', groupName, GROUP_ID),
    output: withDefault('--output <folder>', 'blocks go to processed_data_<machine> in it', text, '.'),
    maxBlocks: optional('--max-blocks <number>', 'end after so many blocks', atLeastOne),
    processor: optional('--processor <module>', 'a module whose process(block) works on each block', text),
    keepJoined: flag(
      '--keep-joined',
      'put a file together in joined_data_<machine> as soon as all its blocks are here',
    ),
    toStorage: optional(
      '--to-storage <folder>',
      'put blocks together as files of the storage instead (default: MILLRACE_FILES_SINK)',
      storageFolder,
    ),
  },
  run: (context, { machineId, brokers, groupId, output, maxBlocks, processor, keepJoined, toStorage }) =>
    withFilesPorts(context, brokers, async ({ log, storage, settings }) => {
      const { json, terminal } = context
      const [{ createReceiver }, { openSeal }] = await Promise.all([
        import('../files/receive/createReceiver.ts'),
        import('../files/sealKey.ts'),
      ])
      const machine = machineId ?? settings.machineId
      const sinkFolder = toStorage ?? settings.sink
      const receiver = createReceiver({
        log: await log(),
        topics: fileTopics(settings.topicPrefix),
        machine,
        groupId,
        output: resolve(terminal.folder, output),
        seal: await openSeal(settings),
        processor: processor === undefined ? null : resolve(terminal.folder, processor),
        ...(sinkFolder !== null && { sink: { storage: await storage(), folder: sinkFolder } }),
        settings: {
          replication: settings.replication,
          maxBlocks: maxBlocks ?? null,
          keepJoined,
          processMillis: settings.processSeconds * 1_000,
        },
        onBlock({ file, block, totalBlocks, blockBytes, sha256 }) {
          terminal.stdout.write(
            json
              ? `${JSON.stringify({ file, block, total_blocks: totalBlocks, bytes: blockBytes, sha256 })}\n`
              : `${file}: block ${block} of ${totalBlocks}, ${counted(blockBytes, 'byte')}\n`,
          )
        },
      })
      await tellOfTrouble(terminal, receiver)
      const { processedBlocks, processedBytes, repeatedBlocks, failedBlocks, askedAgain } = receiver.state()
      return {
        machine,
        blocks: processedBlocks,
        bytes: processedBytes,
        repeated: repeatedBlocks,
        failed: failedBlocks,
        asked_again: askedAgain,
      }
    }),
  show: ({ machine, blocks, bytes, failed }) =>
    `${machine} processed ${counted(blocks, 'block')} of ${counted(bytes, 'byte')}${failed > 0 ? `; ${counted(failed, 'block')} failed` : ''}.`,
})

function groupName(value: string): string {
  if (/^[\w.-]{1,200}$/.test(value)) return value
  throw new InvalidArgumentError('Expected up to 200 letters, digits, ".", "_" and "-".')
}

/** None would be nothing to do. */
function atLeastOne(value: string): number {
  const number = wholeNumber(value)
  if (number >= 1) return number
  throw new InvalidArgumentError('Expected at least 1 block.')
}

function storageFolder(value: string): string {
  if (/^\/(?!\/)[^\0]*$/.test(value)) return value
  throw new InvalidArgumentError('Expected an absolute path of the storage, such as /received.')
}
