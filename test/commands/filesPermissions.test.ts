import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startAsOrdinaryUser } from '../setup/ordinaryUser.ts'
import type { RunningProcess } from '../setup/runningProcess.ts'

/** Built by "npm test" before the tests. */
const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url))
const TIMEOUT = { timeout: 60_000 }

let home: string
let running: RunningProcess[]
let closed: string[]
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-permissions-'))
  ;[running, closed] = [[], []]
  for (const name of ['data', 'outbox', 'output']) await mkdir(join(home, name))
})
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL')
  await Promise.all(running.map(({ ended }) => ended))
  for (const place of closed) await chmod(place, 0o755)
  await rm(home, { recursive: true })
})

/** Takes rights away until the end of the test. */
async function close(name: string, mode: number): Promise<void> {
  const place = join(home, name)
  closed.push(place)
  await chmod(place, mode)
}

/** `millrace files <words>` as somebody who is not the superuser. */
function start(...words: string[]): RunningProcess {
  const environment = { PATH: process.env.PATH, MILLRACE_DATA_DIR: join(home, 'data') }
  const one = startAsOrdinaryUser(process.execPath, [cli, 'files', ...words, '--json'], environment)
  running.push(one)
  return one
}

async function run(...words: string[]): Promise<{ code: number | null; said: unknown }> {
  const one = start(...words)
  const code = await one.ended
  return { code, said: JSON.parse(one.stdout().trimEnd().split('\n').at(-1)!) as unknown }
}

const write = (name: string) => writeFile(join(home, 'outbox', name), `bytes of ${name}`)
const send = () => run('send', '--machine-id', 'producer1', '--data-folder', join(home, 'outbox'))
const receiving = (machine: string) => ['receive', '--machine-id', machine, '--output', join(home, 'output')]
const receive = (machine: string) => run(...receiving(machine), '--max-blocks', '1')
const forbidden = (message: string, hint: string) => ({
  code: 1,
  said: {
    error: {
      code: 'FORBIDDEN',
      message: expect.stringContaining(message) as string,
      hint: expect.stringContaining(hint) as string,
    },
  },
})

describe('a receiver', () => {
  const HINT = '--output'

  test('that may not write to its output ends, and leaves the blocks to others', TIMEOUT, async () => {
    await write('file')
    await send()
    await close('output', 0o555)
    const folder = join(home, 'output', 'processed_data_machine1')
    expect(await receive('machine1')).toEqual(forbidden(`Expected ${folder} to be a folder to write to`, HINT))
    await close('output', 0o755)
    expect(await receive('machine2')).toMatchObject({ code: 0, said: { blocks: 1, repeated: 0 } })
  })

  test.each([
    ['its folder', 'output/processed_data_machine1', ''],
    ['where it puts blocks together', 'output/processed_data_machine1/.assembling', '/.assembling'],
  ])(
    'that may not write to %s any more ends, and neither acknowledges nor commits the block',
    TIMEOUT,
    async (_, name, below) => {
      await write('first')
      await send()
      const one = start(...receiving('machine1'))
      await one.shows('"file":"first"')
      await close(name, 0o555)
      await write('second')
      expect(await send()).toMatchObject({ code: 0 })
      expect(await one.ended).toBe(1)
      const folder = join(home, 'output', `processed_data_machine1${below}`)
      const { said } = forbidden(`Expected to read and write ${folder}, but this user may not.`, HINT)
      expect(JSON.parse(one.stdout().trimEnd().split('\n').at(-1)!)).toEqual(said)
      expect(await send()).toMatchObject({ said: { files: [{ acknowledged: 1 }, { acknowledged: 0 }] } })
      expect(await receive('machine2')).toMatchObject({ code: 0, said: { blocks: 1, failed: 0 } })
      const place = join(home, 'output', 'processed_data_machine2', 'second', 'block_0000.bin')
      expect(await readFile(place, 'utf8')).toBe('bytes of second')
    },
  )
})

describe('a sender', () => {
  test('names the file that it may not read, sends the others, and sends it when it may', TIMEOUT, async () => {
    await write('closed')
    await write('open')
    await close('outbox/closed', 0)
    expect(await send()).toEqual(forbidden('1 of 2 files failed. closed: Expected to read "closed"', 'Send the folder'))
    expect(await receive('machine1')).toMatchObject({ code: 0, said: { blocks: 1 } })
    await close('outbox/closed', 0o644)
    expect(await send()).toMatchObject({ code: 0, said: { files: [{ sent: 1 }, { sent: 0, acknowledged: 1 }] } })
  })

  test('says that it may not read the folder', TIMEOUT, async () => {
    await write('file')
    await close('outbox', 0)
    const folder = join(home, 'outbox')
    expect(await send()).toEqual(forbidden(`Expected to read the folder ${folder}`, 'the right to read it'))
  })

  test('says that it may not write to the log', TIMEOUT, async () => {
    await write('file')
    await close('data', 0o555)
    expect(await send()).toEqual(forbidden('The log cannot be used', 'the right to read and write the file'))
  })
})

test('a file is not joined where it may not be written, and nothing is left there', TIMEOUT, async () => {
  await write('file')
  await send()
  await receive('machine1')
  await mkdir(join(home, 'joined'))
  await close('joined', 0o555)
  const folder = join(home, 'output', 'processed_data_machine1')
  const joined = () => run('join', folder, '--output', join(home, 'joined', 'file'))
  expect(await joined()).toEqual(forbidden(`Expected to read and write ${join(home, 'joined')}`, '--output'))
  await close('joined', 0o755)
  expect(await joined()).toMatchObject({ code: 0 })
})
