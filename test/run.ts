import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installEverything } from '../harness/install.ts'

/** What `npm test` runs; further arguments go to vitest. The last line it prints is "N passed, N failed". */
const vitestArguments = process.argv.slice(2)
const ROOT = join(import.meta.dirname, '..')

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

/** The part of vitest's JSON report that is counted. */
interface Report {
  numPassedTests: number
  numFailedTests: number
  /** Skipped, by us or because a hook failed. */
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

function runTests(): [passed: number, failed: number] {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const reportFile = join(folder, 'report.json')
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  try {
    const args = [vitest, 'run', ...reporters, ...vitestArguments]
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: ROOT })
    const { passed, failed } = count(JSON.parse(readFileSync(reportFile, 'utf8')) as Report)
    // Vitest also fails for what no test failed: an error nobody awaited, or no test at all.
    return [passed, status === 0 ? failed : Math.max(failed, 1)]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function count(report: Report): { passed: number; failed: number } {
  // A file that could not be loaded, or whose hook failed, has failed without any test having failed.
  const failedFiles = report.testResults.filter(
    file => file.status === 'failed' && file.assertionResults.every(test => test.status !== 'failed'),
  )
  const skipped = process.env.CI === 'true' ? report.numPendingTests + report.numTodoTests : 0
  return { passed: report.numPassedTests, failed: report.numFailedTests + failedFiles.length + skipped }
}
