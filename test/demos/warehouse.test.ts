import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** Built by "npm test" before the tests. */
const demo = fileURLToPath(new URL('../../dist/demo.js', import.meta.url))
const runFile = promisify(execFile)

test('npm run demo -- warehouse --exit: three days, one of them killed in the middle and run again', {
  timeout: 240_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-demo-warehouse-'))
  try {
    const elsewhere = { MILLRACE_WAREHOUSE_URL: 'postgres://root:abc@127.0.0.1:1/dwh', MILLRACE_PORT: '0' }
    // A code other than 0 rejects.
    const { stdout } = await runFile(process.execPath, [demo, 'warehouse', '--exit'], {
      env: { PATH: process.env.PATH, MILLRACE_DATA_DIR: folder, ...elsewhere },
    })
    expect(stdout).toMatch(/The runs, after the kill:\n.*\n2026-11-19 +INTERRUPTED +1 +\d+ of 12 +0\n/)
    expect(stdout).toContain('2026-11-20 is published already, from the same inputs: nothing was to do.')
    // The four tables before agg_population are there at least, from the process that was killed.
    expect(stdout).toMatch(/The runs:\n.*\n2026-11-20 +SUCCEEDED +1 .*\n2026-11-19 +SUCCEEDED +2 +12 of 12 +[4-8]\n/)
    expect(stdout).toMatch(/snapshot_changes of 2026-11-19:\n.*\n\S+ +added +32\n\S+ +changed +73\n\S+ +removed +32\n/)
    expect(stdout).toMatch(/The history of one citizen, from dim_citizen:\n.*\n.* 2026-11-18 .*\n.* 2026-11-19$/m)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
