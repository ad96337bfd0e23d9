import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_LINK_CASES } from './linkCases.ts'
import { faultsPage } from './page.ts'
import type { Outcome } from './report.ts'
import { ALL_STEP_CASES } from './stepCases.ts'

/** What `npm run test:faults` runs: every case of test/faults, and docs/faults.md of how they ended. Further arguments go to vitest. */
const ROOT = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'millrace-faults-'))
const reportFile = join(folder, 'outcomes.jsonl')
try {
  const args = [join(ROOT, 'test/run.ts'), '--project', 'cluster', 'test/faults', ...process.argv.slice(2)]
  const environment = { ...process.env, FAULT_CASES: 'all', FAULT_REPORT: reportFile }
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: ROOT, env: environment })
  const lines = existsSync(reportFile) ? readFileSync(reportFile, 'utf8').trimEnd().split('\n') : []
  if (status === 0) {
    const outcomes = lines.map(line => JSON.parse(line) as Outcome)
    writeFileSync(join(ROOT, 'docs/faults.md'), faultsPage(outcomes, ALL_LINK_CASES.length + ALL_STEP_CASES.length))
    process.stderr.write(`docs/faults.md: ${outcomes.length} cases\n`)
  } else {
    process.stderr.write(`error: some of ${lines.length} cases failed, so docs/faults.md was left as it is\n`)
  }
  process.exitCode = status ?? 1
} finally {
  rmSync(folder, { recursive: true })
}
