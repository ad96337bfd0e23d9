import { mkdtemp, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../../../harness/wait.ts'
import { blockRecords, openReceivingWorld, type ReceivingWorld } from '../../setup/receivingWorld.ts'
import { temporaryLog } from '../../setup/temporaryLog.ts'

const temporary = temporaryLog()
let world: ReceivingWorld
beforeAll(async () => {
  world = await openReceivingWorld(temporary.log)
})
afterAll(() => world.close())

const UPS = [
  '..',
  '../..',
  '../../..',
  '../../../../../../..',
  './..',
  '.././..',
  'a/..',
  'a/../..',
  'b/..',
  'a/b/../../..',
  '...//..',
]
const TARGETS = [
  '',
  '/',
  '/evil',
  '/etc/passwd',
  '/processed_data_machine2/file',
  '/evil/.',
  '//evil',
  '\\evil',
  '/evil\0',
  '/evil\n',
]
const OTHERS = [
  ['/', '//', '/evil', '/etc/passwd', '//etc/passwd', '/./evil', '///', '/tmp/../evil', '/proc/self/mem', '/dev/null'],
  [
    '.',
    './',
    './.',
    './evil',
    'evil/',
    'evil//',
    'evil/.',
    'evil/./more',
    'evil//more',
    'evil/more/',
    'a/./b',
    'a/.//b',
  ],
  ['C:\\evil', 'C:\\..\\evil', '\\\\host\\share', '..\\evil', '..\\..\\evil', 'a\\..\\b', '\\', 'a\\', 'a\\b', '\\..'],
  [
    'evil\0',
    '\0',
    'evil\0.txt',
    'a/\0/b',
    'a\nb',
    'a\rb',
    'a\tb',
    '\u001b[2J',
    'a\u007fb',
    'a\u0085b',
    '\u0001',
    'a/\u0000',
  ],
  [
    '.assembling',
    '.assembling/x',
    'a/.assembling/x',
    '.ASSEMBLING/x',
    '.Assembling',
    '.blocks',
    '.blocks/x',
    '.BLOCKS/x',
  ],
  ['a/block_0000.bin', 'a/block_0000_metadata.json', 'a/block_1.bin', 'b/a/block_99999_metadata.json'],
  ['a/block_0000.bin/c', 'a/block_0000_metadata.json/c', 'a/block_12.bin/b/c'],
  [
    'n'.repeat(256),
    `a/${'n'.repeat(256)}`,
    `${'n'.repeat(300)}/a`,
    'ä'.repeat(128),
    '🚀'.repeat(64),
    `${'d/'.repeat(2_000)}f`,
  ],
  [
    '/..',
    '/../..',
    '/../evil',
    '/a/../../evil',
    '..//evil',
    '..//..//evil',
    './/../evil',
    'a//../../evil',
    '..a/../../evil',
    'a../../../evil',
  ],
  ['processed_data_machine2/../../x', 'a/b/c/../../../../x', '%2e%2e/../x', '..%2f/../x', '～/../x', '~/../../x'],
  [' /../x', '../ ', '.. /../x', 'x/.. /../../y', '\u202e/../x', '\ufeff/../x', 'a/\u2024\u2024/../../x', '．．/../x'],
  ['aux/../..', 'con/../../x', 'nul/../x', 'a/b/..', 'a/b/.', 'a/b/', 'a/b//', '-/../x', '--/../x', '*/../x', '?/../x'],
].flat()
const NAMES = [...new Set([...UPS.flatMap(up => TARGETS.map(target => up + target)), ...OTHERS])]

/** Strange, but names of files all the same. */
const HARMLESS = [
  '...',
  '..a',
  'a..',
  '~',
  '%2e%2e',
  '-rf',
  '*',
  '$(id)',
  '`id`',
  ' ',
  'a b',
  '\u202e',
  '．．',
  'con',
  '.hidden',
  'block_0000.bin',
]

test('of 200 hostile names none is written, each is refused with a reason, and blocks go on', async () => {
  expect(NAMES.length).toBeGreaterThanOrEqual(200)
  const outside = await tree()
  const { receiver } = world.receive()
  const records = NAMES.flatMap((file, index) =>
    blockRecords([Buffer.from('evil')], { file, transferId: index.toString(16).padStart(32, '0') }),
  )
  await world.put(records)
  await world.acknowledged(NAMES.length, ({ outcome }) => outcome === 'failed')
  const seen = await world.acknowledgments()
  expect(seen.filter(({ outcome }) => outcome !== 'failed')).toEqual([])
  expect(new Set(seen.map(({ file }) => file))).toEqual(new Set(NAMES))
  expect(seen.filter(({ reason }) => !reason)).toEqual([])
  expect((await tree()).filter(name => !outside.includes(name) && !OWN.has(name))).toEqual([])
  await expect.poll(() => receiver.state()).toMatchObject({ failedBlocks: NAMES.length, processedBlocks: 0 })

  await world.put(HARMLESS.flatMap(file => blockRecords([Buffer.from(file)], { file })))
  await world.acknowledged(HARMLESS.length, ({ outcome }) => outcome === 'processed')
  for (const file of HARMLESS) expect(String(await world.joined(file))).toBe(file)
}, 60_000)

test('a folder that was replaced by a link out of the output folder is not followed', async () => {
  const { receiver, stop } = world.receive({ machine: 'linked', groupId: 'linked' })
  await waitUntil({ description: 'its start', timeoutMillis: 10_000 }, () => receiver.state().phase === 'running')
  const away = await mkdtemp(join(temporary.home, 'away-'))
  await symlink(away, join(world.output, 'processed_data_linked', 'link'))
  await writeFile(join(away, 'there'), '')
  await world.put(blockRecords([Buffer.from('evil')], { file: 'link/file' }))
  expect(
    await world.acknowledged(1, ({ file, machine }) => file === 'link/file' && machine === 'linked'),
  ).toMatchObject([{ outcome: 'failed', reason: expect.stringContaining('leads out of the storage') as string }])
  expect(await readdir(away)).toEqual(['there'])
  await stop()
})

/** The receiver's own. */
const OWN = new Set([
  'processed_data_machine1',
  'processed_data_machine1/.assembling',
  'processed_data_machine1/.assembling/lock',
  'processed_data_machine1/.assembling/lock-journal',
])

/** What is in the output folder. */
async function tree(): Promise<string[]> {
  return await readdir(world.output, { recursive: true })
}
