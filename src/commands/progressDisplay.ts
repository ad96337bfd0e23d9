import cliProgress from 'cli-progress'
import type { Progress } from '../jobs/job.ts'
import type { Output } from './terminal.ts'
import { formatBytes, formatCount, formatDuration } from './words.ts'

/** How far long work has come, for a person who waits for it. */
export interface ProgressDisplay {
  /** `message` is what the work says, for example what it waits for. */
  update(progress: Progress, message: string | null): void
  /** Leaves the last state on the screen, and `lastWord` below it. */
  stop(lastWord?: string): void
}

const lineMillis = 3_000
/** With a title of seven letters the longest usual line just fits into 80 columns. */
const barColumns = 16
/** Bars below one another start in the same column. */
const titleColumns = 7

/** A bar with rows, bytes, rate and time left on a terminal; elsewhere a plain line every few seconds. */
export function createProgressDisplay(title: string, output: Output, clock = Date.now): ProgressDisplay {
  return output.isTTY ? createBar(title, output) : createLines(title, output, clock)
}

/**
 * "120,000/426,716 rows  7.2 MB  61,000/s  5 s left", "1.2 GB/2.1 GB  164 MB/s  6 s left" where bytes are what is counted; what the work says where it counts
 * nothing yet.
 */
export function describe(progress: Progress, message: string | null): string {
  const { done, total, unit, bytes, etaSeconds } = progress
  if (unit === '' || (done === 0 && message !== null)) return message ?? 'starting'
  const countsBytes = unit === 'bytes'
  const count = countsBytes ? formatBytes : formatCount
  const counted = `${count(done)}${total === null ? '' : `/${count(total)}`}`
  const parts = [countsBytes ? counted : `${counted} ${unit}`]
  if (bytes > 0 && !countsBytes) parts.push(formatBytes(bytes))
  if (etaSeconds !== null && total !== null && total > done) {
    if (etaSeconds > 0) parts.push(`${count((total - done) / etaSeconds)}/s`)
    parts.push(`${formatDuration(etaSeconds)} left`)
  }
  return parts.join('  ')
}

function createBar(title: string, output: Output): ProgressDisplay {
  let line = ''
  const bar = new cliProgress.SingleBar({
    stream: output as NodeJS.WritableStream,
    format: (options, { progress }) => {
      const columns = (output.columns ?? 80) - 1
      const bar = cliProgress.Format.BarFormat(progress, options)
      return `${title.padEnd(titleColumns)} ${bar} ${`${Math.floor(progress * 100)}%`.padStart(4)}  ${line}`.slice(
        0,
        columns,
      )
    },
    barsize: barColumns,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    fps: 10,
    linewrap: true,
  })
  bar.start(1, 0)
  return {
    update(progress, message) {
      line = describe(progress, message)
      bar.update(progress.total ? Math.min(1, progress.done / progress.total) : 0)
    },
    stop(lastWord) {
      bar.stop()
      if (lastWord !== undefined) output.write(`${lastWord}\n`)
    },
  }
}

function createLines(title: string, output: Output, clock: () => number): ProgressDisplay {
  let written = ''
  let writtenAt = Number.NEGATIVE_INFINITY
  let line = ''

  function write(): void {
    if (line === written) return
    output.write(`${title}: ${line}\n`)
    written = line
    writtenAt = clock()
  }

  return {
    update(progress, message) {
      line = describe(progress, message)
      if (clock() - writtenAt >= lineMillis) write()
    },
    stop(lastWord) {
      write()
      if (lastWord !== undefined) output.write(`${title}: ${lastWord}\n`)
    },
  }
}
