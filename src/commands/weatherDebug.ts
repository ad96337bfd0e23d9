import { systemClock } from '../datasources/clock.ts'
import { defineCommand } from './command.ts'
import { withWeatherPorts } from './weatherPorts.ts'

export const weatherDebug = defineCommand({
  name: 'weather debug',
  summary: 'print each report that comes into the log from now on as a line of JSON, until Ctrl-C',
  alone: true,
  inputs: {},
  run: (context, _inputs) =>
    withWeatherPorts(context, async ({ log, settings }) => {
      const { stdout, stderr, signal } = context.terminal
      const [{ topicTail }, { decodeReport }] = await Promise.all([
        import('../weather/topicTail.ts'),
        import('../weather/report.ts'),
      ])
      await topicTail({
        log: await log(),
        topic: settings.topic,
        clock: systemClock,
        signal,
        onRecord(partition, { offset, value }) {
          const report = decodeReport(value)
          if ('problem' in report) {
            stderr.write(`warning: offset ${offset} of partition ${partition} is no report: ${report.problem}\n`)
            return
          }
          const { stationId, date, degrees } = report
          stdout.write(`${JSON.stringify({ station_id: stationId, date, degrees, partition })}\n`)
        },
        onTrouble: problem => void stderr.write(`Waits: ${problem}\n`),
      })
    }),
  show: () => undefined,
})
