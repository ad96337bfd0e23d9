import { Argument, InvalidArgumentError } from 'commander'
import { systemClock } from '../datasources/clock.ts'
import { PARTITIONS } from '../weather/questions.ts'
import type { Sink } from '../weather/sink/sink.ts'
import { defineCommand, type Input } from './command.ts'
import type { Output } from './terminal.ts'
import { withWeatherPorts } from './weatherPorts.ts'
import { formatNumber } from './words.ts'

/** How often the command looks whether the sink waits for something. */
const LOOK_MILLIS = 500

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
              : `${file.path}: ${formatNumber(meta.rows, 'row')}, offsets ${firstOffset} to ${endOffset - 1}\n`,
          )
        },
      })
      const watching = new AbortController()
      const watched = tellOfTrouble(sink, terminal.stderr, watching.signal)
      try {
        await sink.run(terminal.signal)
      } finally {
        watching.abort()
        await watched
      }
      const { nextBatch, nextOffset } = sink.state()
      return { partition, files, rows, next_batch: nextBatch, next_offset: nextOffset }
    }),
  show: ({ partition, files, rows, next_batch, next_offset }) =>
    `Partition ${partition}: wrote ${formatNumber(rows, 'row')} to ${formatNumber(files, 'file')}; batch ${next_batch} begins at offset ${next_offset}.`,
})

export function partitionArgument(name: string): Input<number> {
  const partition = (text: string) => {
    if (/^\d+$/.test(text) && Number(text) < PARTITIONS) return Number(text)
    throw new InvalidArgumentError(`Expected a partition from 0 to ${PARTITIONS - 1}.`)
  }
  return { commander: new Argument(name, `a partition from 0 to ${PARTITIONS - 1}`).argParser(partition) }
}

/** Each new trouble and warning, once. */
async function tellOfTrouble(sink: Sink, stderr: Output, signal: AbortSignal): Promise<void> {
  let trouble: string | null = null
  const told = new Set<string>()
  while (!signal.aborted) {
    const state = sink.state()
    if (state.trouble !== trouble) {
      stderr.write(state.trouble === null ? 'Goes on.\n' : `Waits: ${state.trouble}\n`)
      trouble = state.trouble
    }
    for (const warning of state.warnings) {
      if (told.size < 1_000 && !told.has(warning)) stderr.write(`warning: ${warning}\n`)
      told.add(warning)
    }
    await systemClock.pause(LOOK_MILLIS, signal).catch(() => {})
  }
}
