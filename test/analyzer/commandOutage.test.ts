import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandOutage } from '../../src/analyzer/commandOutage.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-outage-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('an outage begins and ends with a command, which gets the name as its last word, in the folder', async () => {
  const outage = commandOutage('datanode-1', {
    kill: 'mkdir -p down',
    restore: ' rmdir  --verbose',
    folder,
    environment: process.env,
  })
  await outage.begin()
  expect(await exists('datanode-1')).toBe(true)
  await outage.end()
  expect(await exists('datanode-1')).toBe(false)

  async function exists(name: string): Promise<boolean> {
    return readFile(join(folder, name)).then(
      () => true,
      (error: NodeJS.ErrnoException) => error.code === 'EISDIR',
    )
  }
})

test('a command that fails, or is not there, is told with what it said', async () => {
  const commands = { kill: 'rmdir', restore: 'no-such-command restart', folder, environment: process.env }
  const outage = commandOutage('datanode-9', commands)
  await expect(outage.begin()).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringMatching(/^"rmdir datanode-9" failed: rmdir: .*datanode-9/) as string,
    hint: expect.stringContaining('--kill-command') as string,
  })
  await expect(outage.end()).rejects.toMatchObject({
    message: '"no-such-command restart datanode-9" failed: spawn no-such-command ENOENT',
  })
})
