import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Built by "npm test" before the tests. */
const demo = fileURLToPath(new URL('../dist/demo.js', import.meta.url))
const runFile = promisify(execFile)

describe('npm run demo -- --exit', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-demo-'))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  async function runDemo(
    environment: Record<string, string>,
    ...words: string[]
  ): Promise<{ stdout: string; stderr: string }> {
    // A code other than 0 rejects.
    return await runFile(process.execPath, [demo, ...words, '--exit'], {
      env: { PATH: process.env.PATH, MILLRACE_DATA_DIR: folder, ...environment },
    })
  }

  function tableOf(
    stdout: string,
  ): { county: string; average: string; loans: string; first: string; second: string }[] {
    const row =
      /^(\d{5} .+?) {2,}(\$[\d,]+) +([\d,]+) {2}(\w+) +[\d.]+ m?s +[\d.]+ \w+ {2}(\w+) +[\d.]+ m?s +[\d.]+ \w+$/gm
    return [...stdout.matchAll(row)].map(([, county, average, loans, first, second]) => ({
      county: county!,
      average: average!,
      loans: loans!,
      first: first!,
      second: second!,
    }))
  }

  it('runs the main job from nothing to averages, each created and then reused; again, without making the sample', {
    timeout: 240_000,
  }, async () => {
    const elsewhere = { MILLRACE_SOURCE_URL: 'mysql://root:abc@127.0.0.1:1/CS544', MILLRACE_PORT: '0' }
    const first = await runDemo(elsewhere)
    expect(first.stderr).toContain('sample: 447,367/447,367 rows')
    expect(first.stderr).toContain('migrate: 426,716/426,716 rows')
    expect(first.stdout).toMatch(
      /\/hdma-wi-2021\.parquet: [\d,]+ bytes in (\d+) blocks of 1,048,576\.\n {2}localhost holds \1\.\n/,
    )
    const table = tableOf(first.stdout)
    expect(table.map(({ county }) => county)).toEqual([
      '55001 Adams',
      '55003 Ashland',
      '55027 Dodge',
      '55059 Kenosha',
      '55133 Waukesha',
    ])
    expect(table.map(row => `${row.first} ${row.second}`)).toEqual(Array(5).fill('create reuse'))
    for (const line of first.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)

    // The default port is taken by somebody else.
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => taken.once('listening', resolve))
    const address = taken.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    const second = await runDemo({ MILLRACE_PORT: port })
    taken.close()
    expect(second.stdout).toContain(`Port ${port} is taken, so the server listens on a free one.`)
    expect(second.stderr).not.toContain('sample')
    expect(tableOf(second.stdout)).toEqual(table)
  })

  it('streams a month of weather, kills a consumer midway, and proves that nothing is lost or doubled; twice', {
    timeout: 240_000,
  }, async () => {
    for (let run = 0; run < 2; run++) {
      const { stdout } = await runDemo({ MILLRACE_PORT: '0', MILLRACE_STORAGE_URL: 'webhdfs://nowhere:1' }, 'weather')
      expect(stdout).toMatch(/kill -9 \d+ midway/)
      const [, inFiles, waiting] = / Partition 3: (\d+) rows in files, (\d+) wait\./.exec(stdout)!
      expect(Number(inFiles)).toBeGreaterThan(0)
      expect(Number(waiting)).toBeGreaterThan(0)
      expect(Number(inFiles) + Number(waiting)).toBe(4 * 31)
      expect(stdout).toMatch(/Merged \d+ files with [\d,]+ rows into 4\./)
      expect(stdout.match(/ {2}Station[A-J] {2}[▁▂▃▄▅▆▇█]{31} {2}/gu)).toHaveLength(10)
      expect(stdout).toContain('  StationJ  ▁▁▂▃▄▅▆▇██▁▁▂▃')
      expect(stdout).toMatch(/Verification: 310 rows in the source, 310 in the files: 0 missing, 0 doubled\.\n$/)
      for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    }
  })

  it('sends files to two receivers, kills one midway, and puts every file together as it was', {
    timeout: 240_000,
  }, async () => {
    const { stdout } = await runDemo({ MILLRACE_PORT: '0', MILLRACE_LOG_URL: 'kafka://nowhere:1' }, 'files')
    expect(stdout).toMatch(/kill -9 \d+: machine2, in the middle of a block/)
    const [middle, end] = stdout.split('The monitor:\n').slice(1)
    expect(middle).toMatch(/\nfilm\.bin +[█░]{8} \d+\/10 /)
    expect(middle).toMatch(/\nmachine2 +receiver +alive, /)
    expect(end).toMatch(/0 under way, 3 complete, 0 failed/)
    expect(end).toMatch(/\nmachine2 +receiver +(not heard|silent) for \d+ s/)
    expect(stdout).toMatch(/Expected 10 blocks of "film\.bin", but \d+ are missing: [\d, -]+\./)
    const joined = [
      ...stdout.matchAll(
        /^(film\.bin|photos\/a château\.bin|empty\.txt) .* (\d+) +(\d+) +(\d+) {2}[0-9a-f]{8}…, equal$/gm,
      ),
    ]
    expect(joined.map(([, name, blocks]) => `${name} ${blocks}`)).toEqual([
      'film.bin 10',
      'photos/a château.bin 7',
      'empty.txt 1',
    ])
    // A block that the killed one had stored but not acknowledged is stored by the other too.
    for (const [, , blocks, one, other] of joined)
      expect(Number(one) + Number(other)).toBeGreaterThanOrEqual(Number(blocks))
    expect(existsSync(join(folder, 'demo-files'))).toBe(false)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('says which demos there are', async () => {
    await expect(runDemo({}, 'wether')).rejects.toMatchObject({
      code: 1,
      stdout: 'error: Expected one of loans, weather, files, warehouse, but got wether.\n',
    })
  })
})
