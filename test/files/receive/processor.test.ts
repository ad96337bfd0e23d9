import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../../harness/wait.ts'
import { sha256Of } from '../../setup/filesWorld.ts'
import { blockRecords, openReceivingWorld, type ReceivingWorld } from '../../setup/receivingWorld.ts'
import { temporaryLog } from '../../setup/temporaryLog.ts'

const temporary = temporaryLog()
let world: ReceivingWorld
beforeEach(async () => {
  world = await openReceivingWorld(temporary.log)
})
afterEach(() => world.close())

/** Returns its place. What it notes goes to `notes`, a line each. */
async function module(body: string): Promise<string> {
  const file = join(world.output, 'processor.mjs')
  const notes = join(world.output, 'notes')
  await writeFile(
    file,
    `import { appendFileSync } from 'node:fs'
    const note = text => appendFileSync(${JSON.stringify(notes)}, text + '\\n')
    ${body}`,
  )
  return file
}
const notes = async () => (await readFile(join(world.output, 'notes'), 'utf8').catch(() => '')).trimEnd().split('\n')

test('a processor works on the bytes of each block, before it is stored and acknowledged', async () => {
  const bytes = randomBytes(3_000_000)
  const processor = await module(`
    import { createHash } from 'node:crypto'
    import { existsSync } from 'node:fs'
    export async function process({ open, path, ...block }) {
      const hash = createHash('sha256')
      for await (const chunk of open()) hash.update(chunk)
      note(JSON.stringify({ ...block, found: hash.digest('hex'), stored: existsSync(${JSON.stringify(join(world.output, 'processed_data_machine1', 'a', 'b'))}) }))
    }`)
  world.receive({ processor })
  await world.put(
    blockRecords([bytes.subarray(0, 1_000_000), bytes.subarray(1_000_000, 2_000_000), bytes.subarray(2_000_000)], {
      file: 'a/b',
    }),
  )
  expect(await world.acknowledged(1)).toMatchObject([{ outcome: 'processed', attempts: 1 }])
  const [seen] = await notes()
  expect(JSON.parse(seen!)).toMatchObject({
    file: 'a/b',
    number: 0,
    totalBlocks: 1,
    offset: 0,
    bytes: 3_000_000,
    sha256: sha256Of(bytes),
    found: sha256Of(bytes),
    stored: false,
  })
})

test('one that throws is tried again; then the block has failed with its message, and the others go on', async () => {
  const processor = await module(`
    export async function process({ file }) {
      note(file)
      if (file === 'bad') throw new Error('the third column is missing')
    }`)
  const { receiver } = world.receive({ processor })
  await world.put([
    ...blockRecords([Buffer.from('1')], { file: 'bad' }),
    ...blockRecords([Buffer.from('2')], { file: 'good' }),
  ])
  const seen = await world.acknowledged(2)
  expect(seen).toContainEqual(
    expect.objectContaining({ file: 'bad', outcome: 'failed', attempts: 3, reason: 'the third column is missing' }),
  )
  expect(seen).toContainEqual(expect.objectContaining({ file: 'good', outcome: 'processed', attempts: 1 }))
  expect((await notes()).filter(file => file === 'bad')).toHaveLength(3)
  expect(receiver.state().warnings).toContain('Block 0 of "bad" has failed: the third column is missing.')
  await expect(world.joined('bad')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test.each([
  ['never resolves', 'await new Promise(() => setInterval(() => {}, 1_000))'],
  ['blocks its thread', 'for (;;);'],
])('one that %s is ended at its deadline; the block has failed, and the next is processed', async (_how, body) => {
  const processor = await module(`export async function process({ file }) { if (file === 'bad') { ${body} } }`)
  world.receive({ processor, settings: { processMillis: 700 } })
  await world.put(blockRecords([Buffer.from('1')], { file: 'bad' }))
  expect(await world.acknowledged(1)).toMatchObject([
    { file: 'bad', outcome: 'failed', attempts: 1, reason: 'the processor had not ended after 0.7 s' },
  ])
  await world.put(blockRecords([Buffer.from('2')], { file: 'good' }))
  await world.acknowledged(1, ({ file, outcome }) => file === 'good' && outcome === 'processed')
})

test('one that ends its thread fails its block only', async () => {
  const processor = await module(`export function process({ file }) { if (file === 'bad') globalThis.process.exit(3) }`)
  world.receive({ processor })
  await world.put(blockRecords([Buffer.from('1')], { file: 'bad' }))
  expect(await world.acknowledged(1)).toMatchObject([
    { outcome: 'failed', attempts: 3, reason: 'the processor ended its thread with code 3' },
  ])
  await world.put(blockRecords([Buffer.from('2')], { file: 'good' }))
  await world.acknowledged(1, ({ file, outcome }) => file === 'good' && outcome === 'processed')
})

test('one that works when the receiver is stopped is given its time, then ended, and nothing is acknowledged', async () => {
  const processor = await module(
    `export async function process() { note('begun'); await new Promise(() => setInterval(() => {}, 1_000)) }`,
  )
  const { stop } = world.receive({ processor, settings: { closeMillis: 300 } })
  await world.put(blockRecords([Buffer.from('1')]))
  await waitUntil({ description: 'the processor', timeoutMillis: 10_000 }, async () => (await notes())[0] === 'begun')
  await stop()
  expect(await world.acknowledgments()).toEqual([])
})

test.each([
  ['is not there', undefined, 'Cannot find module'],
  ['is no module', 'export async function process( {', 'Unexpected end of input'],
  ['throws', 'throw new Error("no licence")', 'no licence'],
  ['has no function "process"', 'export const process = 1', 'it exports no function "process"'],
])('a processor that %s is told before anything is received', async (_what, body, message) => {
  const processor = body === undefined ? join(world.output, 'missing.mjs') : await module(body)
  await world.put(blockRecords([Buffer.from('1')]))
  await expect(world.receive({ processor }).ended).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    message: expect.stringContaining(message) as string,
  })
  expect(await world.acknowledgments()).toEqual([])
})
