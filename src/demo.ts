import { processTerminal, StoppedBySignal } from './commands/terminal.ts'
import type { Stage } from './demos/stage.ts'
import { MillraceError } from './errors.ts'

/** `npm run demo` shows the loans, `npm run demo -- weather`, `-- files` or `-- warehouse` the others; --exit ends where the server would stay. */
const DEMOS: Record<string, () => Promise<(stage: Stage) => Promise<void>>> = {
  loans: async () => (await import('./demos/loans.ts')).demonstrateLoans,
  weather: async () => (await import('./demos/weather.ts')).demonstrateWeather,
  files: async () => (await import('./demos/files.ts')).demonstrateFiles,
  warehouse: async () => (await import('./demos/warehouse.ts')).demonstrateWarehouse,
}

const words = process.argv.slice(2)
const terminal = processTerminal()
const stage: Stage = {
  terminal,
  exitAtEnd: words.includes('--exit'),
  say: text => void terminal.stdout.write(`${text}\n`),
}

try {
  await demonstrate(words.filter(word => word !== '--exit'))
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

async function demonstrate([name = 'loans', ...others]: string[]): Promise<void> {
  const load = Object.hasOwn(DEMOS, name) && others.length === 0 ? DEMOS[name] : undefined
  if (!load) {
    const names = Object.keys(DEMOS).join(', ')
    throw new MillraceError('BAD_USER_INPUT', `Expected one of ${names}, but got ${[name, ...others].join(' ')}.`, {
      hint: 'For example: npm run demo -- weather --exit',
    })
  }
  const show = await load()
  await show(stage)
}

function exitCodeOf(error: unknown): number {
  if (error instanceof StoppedBySignal) return error.exitCode
  if (!(error instanceof MillraceError)) throw error
  stage.say(`error: ${error.message}`)
  if (error.hint) terminal.stderr.write(`hint: ${error.hint}\n`)
  return 1
}
