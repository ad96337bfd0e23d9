import { counted } from '../weather/words.ts'
import { defineCommand, optional, wholeNumber } from './command.ts'
import { tellOfTrouble } from './tellOfTrouble.ts'
import { withWeatherPorts } from './weatherPorts.ts'

export const weatherGenerate = defineCommand({
  name: 'weather generate',
  summary: 'let ten simulated stations report once a day into the table temperatures, until Ctrl-C',
  alone: true,
  inputs: { days: optional('--days <count>', 'end when the table has so many days (default: never)', wholeNumber) },
  run: (context, { days }) =>
    withWeatherPorts(context, async ({ source, settings }) => {
      const { createGenerator } = await import('../weather/generator/createGenerator.ts')
      const delayMillis = settings.delaySeconds * 1_000
      const { terminal } = context
      let told = false
      const generator = createGenerator({
        source: source(),
        settings: { delayMillis, days },
        onAdded(lastDate) {
          if (told) return
          told = true
          terminal.stderr.write(`The table has all days up to ${lastDate}.\n`)
        },
      })
      await tellOfTrouble(terminal, generator)
      const { rows, lastDate } = generator.state()
      return { rows, last_date: lastDate }
    }),
  show: ({ rows, last_date }) =>
    `Added ${counted(rows, 'row')}; ${last_date === null ? 'no day is whole yet' : `the last whole day is ${last_date}`}.`,
})
