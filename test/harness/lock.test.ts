import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { withLock } from '../../harness/lock.ts'

const LOCK_MODULE = join(import.meta.dirname, '..', '..', 'harness', 'lock.ts')

test('of several that want one lock each gets it, one at a time', async () => {
  let inside = 0
  const turns = Array.from({ length: 10 }, (_, turn) =>
    withLock('several', async () => {
      expect(++inside).toBe(1)
      await new Promise(resolve => setImmediate(resolve))
      inside--
      return turn
    }),
  )
  expect(await Promise.all(turns)).toHaveLength(10)
})

test('a lock is given back when its holder fails', async () => {
  await expect(withLock('fails', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(await withLock('fails', () => Promise.resolve('mine'))).toBe('mine')
})

test('a lock is free when the process that held it was killed with -9', async () => {
  const program = `
    const { withLock } = await import(${JSON.stringify(LOCK_MODULE)})
    await withLock('killed', () => new Promise(() => { console.log('held'); setInterval(() => {}, 1000) }))`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(createInterface(holder.stdout), 'line')
  let killed = false
  const ours = withLock('killed', () => Promise.resolve(killed))
  killed = holder.kill('SIGKILL')
  expect(await ours).toBe(true)
})
