import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sha256Of } from '../setup/filesWorld.ts'
import { millrace, type RunOptions } from './millrace.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-files-'))
  await mkdir(join(home, 'outbox'))
})
afterEach(() => rm(home, { recursive: true }))

const run = (line: string, options: Partial<RunOptions> = {}) =>
  millrace(line.split(' '), { dataDir: home, ...options })
const send = () => run('files send --data-folder outbox --block-size 1024')

test('sends, receives and joins a file, each from the command line', async () => {
  const bytes = randomBytes(2_500)
  await writeFile(join(home, 'outbox', 'three blocks'), bytes)
  expect(await send()).toMatchObject({ code: 0 })
  const received = await run('files receive --machine-id machine1 --max-blocks 3')
  expect(received).toMatchObject({ code: 0, stderr: '' })
  expect(received.stdout.split('\n').sort()).toEqual([
    '',
    'machine1 processed 3 blocks of 2,500 bytes.',
    'three blocks: block 0 of 3, 1,024 bytes',
    'three blocks: block 1 of 3, 1,024 bytes',
    'three blocks: block 2 of 3, 452 bytes',
  ])
  const joined = await run('files join processed_data_machine1 --output joined')
  expect(joined).toMatchObject({ code: 0, stderr: '' })
  expect(joined.stdout).toBe(
    `${join(home, 'joined')}: 2,500 bytes of "three blocks" from 3 blocks, SHA-256 ${sha256Of(bytes)}\n`,
  )
  expect((await readFile(join(home, 'joined'))).equals(bytes)).toBe(true)
})

test('tells programs of each block, and of all of them', async () => {
  await writeFile(join(home, 'outbox', 'file'), 'bytes')
  await send()
  const { stdout } = await run('files receive --machine-id machine1 --max-blocks 1 --json')
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as unknown),
  ).toEqual([
    { file: 'file', block: 0, total_blocks: 1, bytes: 5, sha256: sha256Of(Buffer.from('bytes')) },
    { machine: 'machine1', blocks: 1, bytes: 5, repeated: 0, failed: 0, asked_again: 0 },
  ])
})

test('Ctrl-C ends it without a failure', async () => {
  const stop = new AbortController()
  const running = run('files receive --machine-id machine1', { signal: stop.signal })
  const folder = () => readdir(join(home, 'processed_data_machine1')).catch(() => [])
  await expect.poll(folder, { timeout: 10_000 }).toEqual(['.assembling'])
  stop.abort(new Error('Ctrl-C'))
  expect(await running).toMatchObject({ code: 0, stdout: 'machine1 processed 0 blocks of 0 bytes.\n' })
})

test('puts files together in the storage where it is told to', async () => {
  await writeFile(join(home, 'outbox', 'file'), 'bytes')
  await send()
  expect(await run('files receive --machine-id machine1 --max-blocks 1 --to-storage /received')).toMatchObject({
    code: 0,
  })
  expect(await readFile(join(home, 'storage', 'received', 'file'), 'utf8')).toBe('bytes')
})

test.each([
  ['--max-blocks 0', 'Expected at least 1 block.'],
  ['--machine-id ../x', 'Expected up to 64 letters'],
  ['--to-storage folder', 'Expected an absolute path of the storage'],
])('%s is wrong usage', async (option, message) => {
  const { code, stderr } = await run(`files receive ${option}`)
  expect(code).toBe(2)
  expect(stderr).toContain(message)
})

test.each([
  ['a processor that is not there', '--processor ./missing.js', {}, 'Expected a processor module at'],
  ['an output that is a file', '--output outbox/file', {}, 'a file is in its way'],
  ['a key that is not there', '', { MILLRACE_FILES_KEY_FILE: '/nowhere/key' }, 'Expected a key in /nowhere/key'],
  ['an unknown broker', '--brokers 127.0.0.1:1', {}, 'did not answer'],
])('%s ends it with 1 and a message', { timeout: 60_000 }, async (_what, options, environment, message) => {
  await writeFile(join(home, 'outbox', 'file'), '')
  const line = `files receive --machine-id machine1 ${options}`.trim()
  const { code, stdout } = await run(line, { environment })
  expect(code).toBe(1)
  expect(stdout).toContain(message)
})

test('join names what is missing, with 1', async () => {
  await writeFile(join(home, 'outbox', 'file'), randomBytes(3_000))
  await send()
  await run('files receive --machine-id machine1 --max-blocks 2')
  const { code, stdout } = await run('files join processed_data_machine1 --output joined')
  expect(code).toBe(1)
  expect(stdout).toMatch(/^error: Expected 3 blocks of "file", but 1 is missing: [012]\.\n$/)
  expect(await readdir(home)).not.toContain('joined')
})
