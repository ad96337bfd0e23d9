import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { millrace } from './millrace.ts'

let dataDir: string
beforeAll(() => {
  dataDir = mkdtempSync(`${tmpdir()}/millrace-cli-`)
})
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

describe('wrong usage', () => {
  const cases: [parameters: string[], said: string][] = [
    [['Migrate'], "error: unknown command 'Migrate'"],
    [['calcavgloan', '-c', '55025'], "error: unknown command 'calcavgloan'\n(Did you mean CalcAvgLoan?)"],
    [['CalcAvgLoan'], "error: required option '-c, --code <county>' not specified"],
    [['CalcAvgLoan', '-c', 'Dane'], "argument 'Dane' is invalid. Expected a whole number."],
    [['CalcAvgLoan', '-c', '-1'], "argument '-1' is invalid. Expected a whole number."],
    [['BlockLocations'], "error: required option '-f, --file <path>' not specified"],
    [['job'], "error: missing required argument 'id'"],
    [['jobs', '--kind', 'COFFEE'], "argument 'COFFEE' is invalid. Expected one of MIGRATE_LOANS, WEATHER,"],
    [['jobs', '--color'], "error: unknown option '--color'"],
    [['counties', '--url', 'localhost:4000'], 'Expected a URL such as http://127.0.0.1:4000.'],
    [['analyze', '--counties', '55001,Dane'], "argument '55001,Dane' is invalid. Expected a whole number."],
    [['analyze', '--repeats', '0'], "argument '0' is invalid. Expected a whole number from 1 to 1000."],
    [['counties', 'extra'], 'error: too many arguments'],
    [[], 'Usage: millrace [options] [command]'],
    [['sample'], 'Usage: millrace sample [options] [command]'],
  ]
  for (const [parameters, said] of cases) {
    it(`"millrace ${parameters.join(' ')}" ends with 2 and says what was expected, on stderr`, async () => {
      const { code, stdout, stderr } = await millrace(parameters, { dataDir })
      expect(stderr).toContain(said)
      expect([code, stdout]).toEqual([2, ''])
    })
  }
})

describe('help', () => {
  it('lists every command, on stdout and with exit code 0', async () => {
    const { code, stdout } = await millrace(['--help'], { dataDir })
    expect(code).toBe(0)
    const listed = [...stdout.matchAll(/^ {2}([A-Za-z-]+)(?: [[<]\w+[\]>])* {2,}\w/gm)].map(([, name]) => name)
    expect(listed).toEqual([
      'serve',
      'config',
      'sample',
      'DbToHdfs',
      'BlockLocations',
      'CalcAvgLoan',
      'counties',
      'analyze',
      'weather',
      'files',
      'warehouse',
      'job',
      'jobs',
      'cancel',
      'systems',
      'data-nodes',
      'help',
    ])
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  })

  it('of every command names --json and --url', async () => {
    for (const command of ['serve', 'config', 'sample create', 'sample load', 'DbToHdfs', 'jobs']) {
      const { stdout } = await millrace([...command.split(' '), '--help'], { dataDir })
      expect(stdout).toContain('--json')
      expect(stdout).toContain('--url <url>')
    }
  })

  it('--version is that of the package', async () => {
    expect((await millrace(['--version'], { dataDir })).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe('configuration', () => {
  it('is shown with every value in force and without the password', async () => {
    const environment = { MILLRACE_SOURCE_URL: 'mysql://root:hunter2@db:3306/CS544', MILLRACE_PORT: '4111' }
    const { code, stdout } = await millrace(['config'], { dataDir, environment })
    expect(code).toBe(0)
    expect(stdout).toContain('\nMILLRACE_PORT=4111\n')
    expect(stdout).toContain(`\nMILLRACE_DATA_DIR=${dataDir}\n`)
    expect(stdout).toContain('db:3306/CS544')
    expect(stdout).not.toContain('hunter2')

    const json = await millrace(['config', '--json'], { dataDir, environment })
    expect(JSON.parse(json.stdout)).toContainEqual(expect.objectContaining({ name: 'MILLRACE_PORT', value: '4111' }))
  })

  it('that is wrong fails every command that needs it, and names the variable', async () => {
    for (const command of [['config'], ['counties'], ['sample', 'create']]) {
      const ran = await millrace(command, { dataDir, environment: { MILLRACE_PORT: 'high' } })
      expect(ran.code).toBe(1)
      expect(ran.stdout).toMatch(/^error: MILLRACE_PORT: expected a whole number from 0 to 65535, but got "high"/)
    }
  })

  it('of a source that is not embedded refuses to make the sample', async () => {
    const ran = await millrace(['sample', 'create'], {
      dataDir,
      environment: { MILLRACE_SOURCE_URL: 'mysql://root:abc@db/x' },
    })
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('millrace sample load') })
  })

  it('without a database refuses to load the sample, and shows no password of a wrong URL', async () => {
    expect(await millrace(['sample', 'load'], { dataDir })).toMatchObject({
      code: 1,
      stdout: 'error: Expected --into or MILLRACE_SOURCE_URL to name a MySQL database.\n',
    })
    const wrong = await millrace(['sample', 'load', '--into', 'postgres://root:hunter2@db/x'], { dataDir })
    expect(wrong.code).toBe(1)
    expect(wrong.stdout + wrong.stderr).not.toContain('hunter2')
  })
})
