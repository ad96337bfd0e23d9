import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunningProcess, startProcess } from '../setup/runningProcess.ts'
import { startOnTerminal, type TerminalProcess } from '../setup/terminal.ts'

/** The picture of the documentation: remove it, and the test takes it anew. */
const SCREENSHOT = join(import.meta.dirname, '../../docs/images/monitor.png')
/** Built by "npm test" before the tests. */
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const MIB = 1024 * 1024
const PROCESSOR = `
import { setTimeout } from 'node:timers/promises'
export async function process(block) {
  await setTimeout(1_500)
  if (block.file === 'orders/broken.csv') throw new Error('line 7 has no key')
}
`

let folder: string
const started: RunningProcess[] = []
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-monitor-'))
  mkdirSync(join(folder, 'out/orders'), { recursive: true })
  writeFileSync(join(folder, 'out/film.bin'), Buffer.alloc(24 * MIB, 'film'))
  writeFileSync(join(folder, 'out/measurements 2026.parquet'), Buffer.alloc(10 * MIB + 1, 'row'))
  writeFileSync(join(folder, 'out/orders/broken.csv'), 'key,value\n')
  writeFileSync(join(folder, 'out/orders/good.csv'), 'key,value\n')
  writeFileSync(join(folder, 'work.mjs'), PROCESSOR)
})
afterAll(async () => {
  for (const { child } of started) child.kill('SIGKILL')
  await Promise.all(started.map(({ ended }) => ended))
  rmSync(folder, { recursive: true })
})

const environment = () => ({ PATH: process.env.PATH, MILLRACE_DATA_DIR: folder })

function start(...words: string[]): RunningProcess {
  const running = startProcess(process.execPath, [cli, 'files', ...words], environment())
  started.push(running)
  return running
}

const receive = (machine: string) =>
  start('receive', '--machine-id', machine, '--output', folder, '--processor', join(folder, 'work.mjs'))

test('the monitor draws on a real terminal, and tells, that a file fails and a machine dies; Ctrl-C ends it well', {
  timeout: 120_000,
}, async () => {
  const killed = ['machine1', 'machine2', 'machine3'].map(receive).at(-1)!
  const alerts = join(folder, 'alerts')
  const command = `${process.execPath} ${cli} files monitor --alert 'cat >> ${alerts}'`
  const monitor = startOnTerminal(command, { columns: 92, rows: 30 }, environment())
  started.push(monitor)
  const text = () => stripVTControlCharacters(monitor.picture())
  const shows = (line: RegExp) => expect.poll(text, { timeout: 60_000 }).toMatch(line)
  for (const machine of ['machine1', 'machine2', 'machine3'])
    await shows(new RegExp(`${machine} +receiver +alive, idle`))

  start('send', '--machine-id', 'producer1', '--data-folder', join(folder, 'out'), '--block-size', '1MiB')
  await shows(/machine3 +receiver +alive, busy +[1-9]/)
  killed.child.kill('SIGKILL')
  await shows(/broken\.csv .* failed/)
  await shows(/machine3 +receiver +silent for \d+ s/)
  await shows(/film\.bin +[█░]{8} +\d+\/24/)
  expect(text()).toMatch(/! orders\/broken\.csv failed: Block 0 on machine\d: .*line 7 has no key/)
  expect(text()).toMatch(/! The receiver machine3 is silent since /)
  await takePicture(monitor)

  // As the terminal sends it when somebody presses Ctrl-C.
  monitor.child.kill('SIGINT')
  expect(await monitor.ended).toBe(0)
  const told = readFileSync(alerts, 'utf8').trimEnd().split('\n')
  const causes = told.map(line => (JSON.parse(line) as { cause: string }).cause.replace(/[0-9a-f]{32}/, 'transfer'))
  expect(causes.sort()).toEqual(['failed transfer', 'silent receiver machine3'])
})

async function takePicture(monitor: TerminalProcess): Promise<void> {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })
  try {
    const page = await browser.newPage({ deviceScaleFactor: 2 })
    await page.setContent(htmlOf(`$ millrace files monitor\n${monitor.picture().trimEnd()}`))
    const picture = await page.locator('pre').screenshot()
    expect(picture.length).toBeGreaterThan(10_000)
    if (existsSync(SCREENSHOT)) return
    mkdirSync(dirname(SCREENSHOT), { recursive: true })
    writeFileSync(SCREENSHOT, picture)
  } finally {
    await browser.close()
  }
}

const COLOURS: Record<string, string> = {
  1: 'font-weight: bold',
  2: 'opacity: 0.6',
  31: 'color: #ff7b72',
  32: 'color: #7ee787',
  33: 'color: #e3b341',
}

/** The text of a terminal as a dark page: each style that begins is a span, each end of one its end. */
function htmlOf(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const [plain = '', ...styled] = escaped.split('\u001b[')
  const spans = styled.map(part =>
    part.replace(/^(\d+)m/, (_, code: string) => (COLOURS[code] ? `<span style="${COLOURS[code]}">` : '</span>')),
  )
  const style =
    'margin: 0; padding: 18px 22px; display: inline-block; background: #0d1117; color: #e6edf3; font: 14px/1.3 monospace'
  return `<body style="margin: 0"><pre style="${style}">${plain}${spans.join('')}</pre></body>`
}
