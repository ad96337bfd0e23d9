import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MACHINE, TRANSFER } from './memoryFiles.ts'
import { firstReplies, startTestApp, type TestApp } from './testApp.ts'

let server: TestApp
beforeAll(async () => {
  server = await startTestApp()
})
afterAll(() => server.close())

const FIELDS = Object.keys(TRANSFER).join(' ')
const SHOWN = { ...TRANSFER, startedAt: '2026-11-21T06:00:00.000Z', updatedAt: '2026-11-21T06:01:00.000Z' }

describe('the questions', () => {
  test('transfers, a hundred where nothing else is asked for', async () => {
    server.files.asked.length = 0
    const { data, errors } = await server.http(
      `{ fileTransfers { ${FIELDS} } some: fileTransfers(first: 3, state: FAILED) { file } nulls: fileTransfers(first: null, state: null) { file } }`,
    )
    expect(errors).toBeUndefined()
    expect(data?.fileTransfers).toEqual([SHOWN])
    expect(server.files.asked).toEqual([
      { first: 100, state: undefined },
      { first: 3, state: 'FAILED' },
      { first: 100, state: undefined },
    ])
  })

  test('one file, and none', async () => {
    const { data } = await server.http(
      `query ($file: String!) { one: fileTransfer(file: $file) { ${FIELDS} } none: fileTransfer(file: "b") { file } }`,
      { file: TRANSFER.file },
    )
    expect(data).toEqual({ one: SHOWN, none: null })
  })

  test('machines', async () => {
    const { data } = await server.http(`{ machines { ${Object.keys(MACHINE).join(' ')} } }`)
    expect(data?.machines).toEqual([{ ...MACHINE, lastSeen: '2026-11-21T06:01:00.000Z' }])
  })

  test.each([0, -1, 1_001])('a first of %d is refused with what to do', async first => {
    const { data, errors } = await server.http(`{ fileTransfers(first: ${first}) { file } machines { id } }`)
    expect(errors?.[0]).toMatchObject({
      message: `Expected "first" from 1 to 1000, but got ${first}.`,
      extensions: { code: 'BAD_USER_INPUT', hint: expect.stringContaining('fileTransfer') as string },
    })
    expect(data).toEqual({ fileTransfers: null, machines: [{ id: MACHINE.id }] })
  })

  test('the longest page is affordable, a hundred of them in one operation are not', async () => {
    const long = `fileTransfers(first: 1000) { ${FIELDS} }`
    expect((await server.http(`{ ${long} }`)).errors).toBeUndefined()
    const { errors } = await server.http(`{ ${Array.from({ length: 10 }, (_, at) => `p${at}: ${long}`).join(' ')} }`)
    expect(errors?.[0]?.message).toMatch(/costs at most 5000/)
  })
})

describe('sendFiles', () => {
  test('answers with the job that has ended, or at once', async () => {
    server.files.asked.length = 0
    const waited = await server.http('mutation { sendFiles(folder: "a") { kind state message } }')
    expect(waited.data?.sendFiles).toEqual({ kind: 'SEND_FILES', state: 'SUCCEEDED', message: 'Sent 1 file.' })
    const queued = await server.http('mutation { sendFiles(folder: "b", wait: false, acknowledged: true) { id kind } }')
    const { id } = queued.data!.sendFiles as { id: string }
    expect(await server.jobs.finished(id)).toMatchObject({ state: 'SUCCEEDED' })
    expect(server.files.asked).toEqual([
      { folder: 'a', acknowledged: false },
      { folder: 'b', acknowledged: true },
    ])
  })

  test('of a folder elsewhere is forbidden', async () => {
    const { data, errors } = await server.http('mutation { sendFiles(folder: "..") { id } }')
    expect(data).toEqual({ sendFiles: null })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', hint: 'Move it.' })
  })
})

test('transferProgress tells of all files or of one, and who leaves is let go', async () => {
  const other = { ...TRANSFER, file: 'b.bin', acknowledged: 99 }
  const all = firstReplies(server.webSocketUrl, 'subscription { transferProgress { file acknowledged } }', 2)
  const one = firstReplies(
    server.webSocketUrl,
    'subscription { transferProgress(file: "b.bin") { file acknowledged } }',
    1,
  )
  await expect.poll(() => server.files.watchers, { interval: 5 }).toBe(2)
  server.files.tell(TRANSFER)
  server.files.tell(other)
  const b = { data: { transferProgress: { file: 'b.bin', acknowledged: 99 } } }
  expect(await all).toEqual([{ data: { transferProgress: { file: TRANSFER.file, acknowledged: 98 } } }, b])
  expect(await one).toEqual([b])
  await expect.poll(() => server.files.watchers, { interval: 5 }).toBe(0)
})
