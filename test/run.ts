import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installEverything } from '../harness/install.ts'
import { countTests, type Report } from './setup/countTests.ts'

/** What `npm test` runs; further arguments go to vitest. The last line it prints is "N passed, N failed". */
const vitestArguments = process.argv.slice(2)
const ROOT = join(import.meta.dirname, '..')
/** Three times what is usual: what hangs for good ends as a failure. */
const WHOLE_RUN_MILLIS = 85 * 60_000

try {
  if (needsMachine(vitestArguments)) await installEverything(line => process.stderr.write(`${line}\n`))
  run('npm', ['run', '-s', 'build'])
  finish(...runTests())
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`)
  finish(0, 1)
}

function finish(passed: number, failed: number): void {
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  process.exitCode = failed > 0 ? 1 : 0
}

/** Unit tests alone need neither Java nor a database nor a browser. */
function needsMachine(args: string[]): boolean {
  const projects = args.flatMap((arg, index) => {
    if (arg === '--project') return args[index + 1] ?? []
    return arg.startsWith('--project=') ? arg.slice('--project='.length) : []
  })
  return projects.length === 0 || projects.some(project => project !== 'unit')
}

function run(command: string, args: string[]): void {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', cwd: ROOT })
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: expected exit code 0, got ${error?.message ?? status ?? signal}`)
}

function runTests(): [passed: number, failed: number] {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const reportFile = join(folder, 'report.json')
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  try {
    const args = [vitest, 'run', ...reporters, ...vitestArguments]
    // The longer forms, which name what to run, may take hours.
    const timeout = vitestArguments.length === 0 ? WHOLE_RUN_MILLIS : undefined
    const { status, error } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: ROOT, timeout })
    if (error)
      throw new Error(`vitest: expected it to end by itself, the whole run in ${WHOLE_RUN_MILLIS} ms: ${error.message}`)
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report
    const { passed, failed } = countTests(report, process.env.CI === 'true')
    // Vitest also fails for what no test failed: an error nobody awaited, or no test at all.
    return [passed, status === 0 ? failed : Math.max(failed, 1)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}
