import { Argument, InvalidArgumentError } from 'commander'
import { PARTITIONS } from '../weather/questions.ts'
import { counted } from '../weather/words.ts'
import { defineCommand, type Input } from './command.ts'
import { collectEarly } from './smallHeap.ts'
import { tellOfTrouble } from './tellOfTrouble.ts'
import { withWeatherPorts } from './weatherPorts.ts'

export const weatherConsume = defineCommand({
  name: 'weather consume',
  summary: 'turn one partition of the log into Parquet files until Ctrl-C, which closes the open one',
  usageExitCode: 1,
  alone: true,
  inputs: { partition: partitionArgument('<partition>') },
  run: (context, { partition }) =>
    withWeatherPorts(context, async ({ log, storage, settings }) => {
      const { json, terminal } = context
      const { openSink } = await import('../weather/openSink.ts')
      collectEarly()
      let files = 0
      let rows = 0
      const sink = openSink({
        log: await log(),
        storage: storage(),
        settings,
        partition,
        onBatch({ meta, file }) {
          files += 1
          rows += meta.rows
          const { firstOffset, endOffset } = meta
          const batch = { path: file.path, rows: meta.rows, first_offset: firstOffset, last_offset: endOffset - 1 }
          terminal.stdout.write(
            json
              ? `${JSON.stringify(batch)}\n`
              : `${file.path}: ${counted(meta.rows, 'row')}, offsets ${firstOffset} to ${endOffset - 1}\n`,
          )
        },
      })
      await tellOfTrouble(terminal, sink)
      const { nextBatch, nextOffset } = sink.state()
      return { partition, files, rows, next_batch: nextBatch, next_offset: nextOffset }
    }),
  show: ({ partition, files, rows, next_batch, next_offset }) =>
    `Partition ${partition}: wrote ${counted(rows, 'row')} to ${counted(files, 'file')}; batch ${next_batch} begins at offset ${next_offset}.`,
})

export function partitionArgument(name: string): Input<number> {
  const partition = (text: string) => {
    if (/^\d+$/.test(text) && Number(text) < PARTITIONS) return Number(text)
    throw new InvalidArgumentError(`Expected a partition from 0 to ${PARTITIONS - 1}.`)
  }
  return { commander: new Argument(name, `a partition from 0 to ${PARTITIONS - 1}`).argParser(partition) }
}
