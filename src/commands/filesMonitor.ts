import { systemClock } from '../datasources/clock.ts'
import { createDeadline } from '../datasources/deadline.ts'
import { hasCode, MillraceError } from '../errors.ts'
import type { Overview, Problem } from '../files/track/overview.ts'
import type { Tracker } from '../files/track/tracker.ts'
import { ALIVE_MILLIS } from '../files/wire/status.ts'
import { createAlerts, deliveryTo } from './alert.ts'
import { type Context, defineCommand, flag, optional, text } from './command.ts'
import { coloured, formatOverview, harmless, type OverviewLook, plain } from './filesOverview.ts'
import { brokersOption, withFilesPorts } from './filesPorts.ts'
import type { Output } from './terminal.ts'

const LOOK_MILLIS = 1_000
/** Where the table cannot be drawn over: how often it is printed at most. */
const PRINT_MILLIS = 5_000
const FIRST_MILLIS = 60_000
const LATER_MILLIS = 5_000
const ROWS = 15

export const filesMonitor = defineCommand({
  name: 'files monitor',
  summary: 'files on their way and the machines that send and receive them, drawn anew each second until Ctrl-C',
  alone: true,
  inputs: {
    once: flag('--once', 'draw it once and end'),
    alert: optional(
      '--alert <command or URL>',
      'told of each failure and each machine that goes silent, once: JSON on stdin of the command, or in a POST to the URL',
      text,
    ),
    brokers: brokersOption(),
  },
  run: (context, { once, alert, brokers }) =>
    withFilesPorts(context, brokers, async ({ log, settings }) => {
      const { terminal } = context
      const [{ createTracker }, { overviewOf }, { fileTopics }] = await Promise.all([
        import('../files/track/tracker.ts'),
        import('../files/track/overview.ts'),
        import('../files/wire/topics.ts'),
      ])
      const note = (message: string) => void terminal.stderr.write(`warning: ${message}\n`)
      const topics = fileTopics(settings.topicPrefix)
      const tracker = createTracker({ log: await log(), topics, clock: systemClock, note })
      const alerts = alert === undefined ? undefined : alertsTo(alert, context)
      const screen = await openScreen(context)
      const readOn = once ? () => tracker.refresh({ signal: terminal.signal }) : patientReader(tracker, terminal.signal)
      let awayMillis = Number.NEGATIVE_INFINITY
      const look = async () => {
        const problem = await readOn()
        const overview = overviewOf(tracker, systemClock.nowMillis())
        if (problem) awayMillis = overview.at.getTime()
        // Nobody is heard while the log is away, and those who are there need a moment to be heard again.
        if (overview.at.getTime() - awayMillis < ALIVE_MILLIS)
          overview.problems = overview.problems.filter(({ kind }) => kind !== 'silence')
        if (problem) overview.problems.unshift(problem)
        screen.show(overview)
        alerts?.see(overview.problems)
      }
      try {
        await look()
        while (!once) {
          await systemClock.pause(LOOK_MILLIS, terminal.signal)
          await look()
        }
      } catch (error) {
        if (!terminal.signal.aborted) throw error
      } finally {
        screen.end()
        // Whoever presses Ctrl-C does not wait for somebody's mail.
        if (!terminal.signal.aborted) await alerts?.settled()
      }
    }),
  show: () => undefined,
})

/**
 * Reads on. Whoever watches wants to see, too, that the log is away, and for how long machines are silent by then; it may come back. The first
 * reading is of all that the topics have, and takes its time.
 */
function patientReader(tracker: Tracker, signal: AbortSignal): () => Promise<Problem | undefined> {
  let millis = FIRST_MILLIS
  return async () => {
    using deadline = createDeadline(millis, () => noAnswer(millis))
    try {
      await tracker.refresh({ signal: AbortSignal.any([signal, deadline.signal]) })
      millis = LATER_MILLIS
      return undefined
    } catch (error) {
      if (!hasCode(error, 'UNAVAILABLE')) throw error
      return { cause: 'log', kind: 'log', message: `What follows is old: ${error.message}` }
    }
  }
}

function noAnswer(millis: number): MillraceError {
  return new MillraceError('UNAVAILABLE', `The log has not answered within ${millis / 1_000} s.`, {
    hint: 'Is it there, and is MILLRACE_LOG_URL its address?',
  })
}

function alertsTo(target: string, { terminal }: Context) {
  return createAlerts({
    deliver: deliveryTo(target, terminal.environment),
    onFailure: (problem, reason) =>
      void terminal.stderr.write(`warning: nobody was told "${harmless(problem.message)}": ${reason}\n`),
  })
}

interface Screen {
  show(overview: Overview): void
  end(): void
}

/** JSON: an object a line. A terminal: drawn over. Anything else: printed where it has changed, not too often. */
async function openScreen({ json, terminal: { stdout, environment } }: Context): Promise<Screen> {
  if (json) return { show: overview => void stdout.write(`${JSON.stringify(overview)}\n`), end: () => {} }
  const look: OverviewLook = { paint: stdout.isTTY && !environment.NO_COLOR ? coloured : plain, rows: ROWS }
  if (stdout.isTTY && isStream(stdout)) {
    const { createLogUpdate } = await import('log-update')
    // Hiding the cursor would bring a handler of Ctrl-C that ends the process before us.
    const draw = createLogUpdate(stdout, { showCursor: true })
    return { show: overview => draw(formatOverview(overview, look)), end: () => draw.done() }
  }
  return printer(stdout, look)
}

function printer(stdout: Output, look: OverviewLook): Screen {
  let printedMillis = Number.NEGATIVE_INFINITY
  let printed = ''
  return {
    show(overview) {
      const nowMillis = overview.at.getTime()
      const drawn = formatOverview(overview, look)
      // The first line has the time in it.
      const body = drawn.slice(drawn.indexOf('\n'))
      if (body === printed || nowMillis - printedMillis < PRINT_MILLIS) return
      stdout.write(`${drawn}\n\n`)
      printed = body
      printedMillis = nowMillis
    },
    end: () => {},
  }
}

function isStream(output: Output): output is NodeJS.WriteStream {
  return 'on' in output && 'cursorTo' in output
}
