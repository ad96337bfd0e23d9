import { randomBytes } from 'node:crypto'
import { appendFile, chmod, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Log } from '../../src/datasources/log.ts'
import { MillraceError } from '../../src/errors.ts'
import { CHUNK_BYTES } from '../../src/files/wire/chunk.ts'
import { type FilesWorld, openFilesWorld } from '../setup/filesWorld.ts'
import { temporaryLog } from '../setup/temporaryLog.ts'

const never = new AbortController().signal

const temporary = temporaryLog()
let world: FilesWorld
beforeEach(async () => {
  world = await openFilesWorld(temporary.log)
})
afterEach(() => world.close())

describe('what is not sent', () => {
  test('links, pipes and sockets are told, and not followed', async () => {
    await world.write('data', 'some')
    await symlink('data', join(world.folder, 'link'))
    await symlink('/etc', join(world.folder, 'folder link'))
    const server = createServer().listen(join(world.folder, 'socket'))
    try {
      const { files, leftOut } = await world.sender().run(never)
      expect(files.map(({ file }) => file)).toEqual(['data'])
      expect(leftOut).toEqual([
        { name: 'folder link', reason: 'it is a symbolic link', isFailure: false },
        { name: 'link', reason: 'it is a symbolic link', isFailure: false },
        { name: 'socket', reason: 'it is no regular file', isFailure: false },
      ])
    } finally {
      server.close()
    }
  })

  test('a name that no receiver would take is told as a failure', async () => {
    await world.write('folder/block_0001.bin', 'some')
    await world.write('back\\slash', 'some')
    await writeFile(Buffer.from(`${world.folder}/latin\xe9`, 'latin1'), 'some')
    const { files, leftOut } = await world.sender().run(never)
    expect(files).toEqual([])
    expect(leftOut.map(({ reason, isFailure }) => [reason, isFailure])).toEqual([
      ['its name is no text in UTF-8', true],
      ['the name has a backslash, which some systems take for a path', true],
      ['the name "block_0001.bin" in a folder is kept for blocks', true],
    ])
  })

  const changes: [string, (place: string) => Promise<void>][] = [
    ['grows', place => appendFile(place, 'more')],
    ['is written with as many bytes', place => writeFile(place, randomBytes(CHUNK_BYTES * 3))],
    ['is cut', place => writeFile(place, '')],
    [
      'is replaced by another',
      async place => {
        await writeFile(`${place}.new`, randomBytes(CHUNK_BYTES * 3))
        await rename(`${place}.new`, place)
      },
    ],
    ['is removed', place => rm(place)],
  ]
  test.each(changes)(
    'a file that %s while it is sent fails with CONFLICT, without its last chunk',
    async (_, change) => {
      await world.write('a changing', randomBytes(CHUNK_BYTES * 3))
      await utimes(join(world.folder, 'a changing'), 1, 1)
      await world.write('b other', 'some')
      let changed = false
      const sender = world.sender({
        settings: { wait: false },
        async onStep(step) {
          if (step !== 'chunk put' || changed) return
          changed = true
          await change(join(world.folder, 'a changing'))
        },
      })
      const { files } = await sender.run(never)
      expect(files[0]!.problem).toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('"a changing"') as string,
      })
      expect(files[1]).toMatchObject({ file: 'b other', sends: 1, problem: null })
      expect((await world.attempts()).map(({ chunk }) => chunk.file)).toEqual(['b other'])
      const transfers = (await world.statuses()).flatMap(({ transfers = [] }) => transfers)
      expect(transfers.findLast(({ file }) => file === 'a changing')).toMatchObject({ state: 'failed' })
    },
  )

  test('a file that was replaced before its turn fails, and the others are sent', async () => {
    await world.write('data', 'some')
    await world.write('next', 'some')
    const sender = world.sender({
      async onStep(step) {
        if (step === 'resumed')
          await symlink('next', join(world.folder, 'x')).then(() =>
            rename(join(world.folder, 'x'), join(world.folder, 'data')),
          )
      },
    })
    const { files } = await sender.run(never)
    expect(files).toMatchObject([{ problem: { code: 'CONFLICT' } }, { problem: null, sends: 1 }])
  })

  test('a file or folder that may not be read fails, and the others are sent', async () => {
    for (const name of ['closed', 'closed folder/file', 'open']) await world.write(name, 'some')
    await chmod(join(world.folder, 'closed'), 0)
    await chmod(join(world.folder, 'closed folder'), 0)
    await chmod(world.folder, 0o755)
    const { files, leftOut } = await asNobody(() => world.sender().run(never))
    expect(files).toMatchObject([{ problem: { code: 'FORBIDDEN' } }, { file: 'open', sends: 1 }])
    expect(leftOut).toEqual([{ name: 'closed folder', reason: 'it may not be read', isFailure: true }])
  })
})

/** The superuser reads everything. */
async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) return await work()
  process.seteuid!(65_534)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}

describe('what ends a run', () => {
  test.each([
    ['is not there', 'no-such-folder', 'NOT_FOUND', 'nothing is there'],
    ['is a file', 'file', 'BAD_USER_INPUT', 'but it is none'],
  ])('a folder that %s', async (_, name, code, message) => {
    await world.write('file', 'some')
    const run = world.sender({ folder: join(world.folder, name) }).run(never)
    await expect(run).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string })
    await expect(temporary.log.partitions(world.topics.blocks.name)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a folder that may not be read', async () => {
    await chmod(world.folder, 0)
    await expect(asNobody(() => world.sender().run(never))).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('this user may not') as string,
    })
    await chmod(world.folder, 0o700)
  })

  test('more files or blocks than it keeps in memory', async () => {
    await world.write('one', 'some')
    await world.write('two', 'some')
    await expect(world.sender({ settings: { mostFiles: 1 } }).run(never)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('at most 1 file below') as string,
    })
    await expect(world.sender({ settings: { blockBytes: 1, mostBlocks: 7 } }).run(never)).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringContaining('at most 7 blocks') as string,
    })
  })

  test('topics with other numbers of partitions', async () => {
    await temporary.log.createTopic(world.topics.blocks.name, { partitions: 4, replication: 1 })
    await expect(world.sender().run(never)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('6 partitions, but it exists with 4') as string,
    })
  })

  test('a log that does not answer for longer than it is waited for; until then it is asked again and again', async () => {
    await world.write('data', 'some')
    let nowMillis = 0
    const pauses: number[] = []
    const silent: Log = {
      ...temporary.log,
      producer: () => ({
        send: () => Promise.reject(new MillraceError('UNAVAILABLE', 'Kafka does not answer.')),
        close: () => Promise.resolve(),
      }),
    }
    const troubles = new Set<string | null>()
    const sender = world.sender({
      log: silent,
      settings: { patienceMillis: 10_000, firstPauseMillis: 100, mostPauseMillis: 1_000 },
      clock: {
        nowMillis: () => nowMillis,
        deadline: millis => AbortSignal.timeout(millis),
        pause: (millis, signal) => {
          // Reports pause for a second and more, and see the time pass.
          signal?.throwIfAborted()
          if (millis < 1_000) pauses.push(millis)
          nowMillis += millis
          troubles.add(sender.state().trouble)
          return new Promise(resolve => setImmediate(resolve))
        },
      },
    })
    await expect(sender.run(never)).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'Kafka does not answer.' })
    expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800])
    expect(troubles).toContain('Kafka does not answer.')
  })
})
