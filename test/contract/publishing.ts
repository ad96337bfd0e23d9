import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  parseTemporaryName,
  publish,
  publishNew,
  sweepTemporaries,
  temporaryName,
} from '../../src/datasources/publish.ts'
import type { Storage } from '../../src/datasources/storage.ts'
import { LAYOUT, noise } from './files.ts'

const MIB = 1024 * 1024
const OWNER = 'contract'

/** What publish() and sweepTemporaries() promise over every keeper; called within a describe() of the storage's contract. */
export function testPublishing(opened: () => Storage): void {
  const folder = () => `/${randomUUID()}`
  const readAll = async (path: string) =>
    Buffer.from(await opened().read(path, { offset: 0, length: (await opened().stat(path)).length }))
  const publishText = (path: string, text: string) =>
    publish(opened(), path, () => [Buffer.from(text)], LAYOUT, { owner: OWNER })

  test('puts a file where there was none, and replaces it', async () => {
    const path = `${folder()}/new/file`
    const first = await publishText(path, 'first')
    expect(first).toEqual(await opened().stat(path))
    const second = await publishText(path, 'second')
    expect(second).toEqual(await opened().stat(path))
    expect((await readAll(path)).toString()).toBe('second')
    expect(await opened().list(path.slice(0, -'/file'.length))).toHaveLength(1)
  })

  test('publishes a new file once: whoever comes second is told, and leaves nothing', async () => {
    const at = folder()
    const publishing = (text: string) =>
      publishNew(opened(), `${at}/file`, () => [Buffer.from(text)], LAYOUT, { owner: OWNER })
    const outcomes = await Promise.allSettled(['first', 'second', 'third'].map(publishing))
    const [won, ...more] = outcomes.filter(outcome => outcome.status === 'fulfilled')
    expect(more).toEqual([])
    expect(won!.value).toEqual(await opened().stat(`${at}/file`))
    await expect(publishing('fourth')).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(['first', 'second', 'third']).toContain((await readAll(`${at}/file`)).toString())
    expect((await opened().list(at)).map(({ path }) => path)).toEqual([`${at}/file`])
  })

  test('leaves the old file, and no temporary, where the content fails', async () => {
    const at = folder()
    await publishText(`${at}/file`, 'old')
    const failure = new Error('the source broke')
    let calls = 0
    async function* content() {
      calls += 1
      yield noise(2 * MIB)
      throw failure
    }
    const publishing = publish(opened(), `${at}/file`, content, LAYOUT, { owner: OWNER })
    await expect(publishing).rejects.toBe(failure)
    expect(calls).toBe(1)
    expect((await readAll(`${at}/file`)).toString()).toBe('old')
    expect((await opened().list(at)).map(({ path }) => path)).toEqual([`${at}/file`])
  })

  test('leaves the old file, and no temporary, where it is cancelled', async () => {
    const at = folder()
    await publishText(`${at}/file`, 'old')
    const cancel = new AbortController()
    const reason = new Error('cancelled')
    async function* content() {
      yield noise(MIB)
      cancel.abort(reason)
      yield noise(MIB)
    }
    const options = { owner: OWNER, call: { signal: cancel.signal } }
    await expect(publish(opened(), `${at}/file`, content, LAYOUT, options)).rejects.toBe(reason)
    expect((await readAll(`${at}/file`)).toString()).toBe('old')
    expect((await opened().list(at)).map(({ path }) => path)).toEqual([`${at}/file`])
  })

  test('publishes one of many that publish the same path at once', async () => {
    const path = `${folder()}/file`
    const texts = Array.from({ length: 8 }, (_, index) => `writer ${index}`)
    await Promise.all(texts.map(text => publishText(path, text)))
    expect(texts).toContain((await readAll(path)).toString())
    expect(await opened().list(path.slice(0, -'/file'.length))).toHaveLength(1)
  })

  test('sweeps its own temporaries at once, others’ when they are old, and nothing else', async () => {
    const at = folder()
    const names = {
      ours: temporaryName('a.parquet', OWNER, randomUUID()),
      theirs: temporaryName('a.parquet', 'another', randomUUID()),
      file: 'a.parquet',
      lookalike: '.a.parquet.tmp',
    }
    for (const name of Object.values(names)) await opened().create(`${at}/${name}`, [Buffer.from('x')], LAYOUT)
    expect(await sweepTemporaries(opened(), at, { owner: OWNER })).toEqual([`${at}/${names.ours}`])
    const nowMillis = Date.now() + 60_000
    const old = { owner: OWNER, olderThanMillis: 30_000, nowMillis }
    expect(await sweepTemporaries(opened(), at, old)).toEqual([`${at}/${names.theirs}`])
    const left = (await opened().list(at)).map(({ path }) => path.slice(at.length + 1))
    expect(left).toEqual([names.lookalike, names.file])
    expect(left.some(name => parseTemporaryName(name))).toBe(false)
    expect(await sweepTemporaries(opened(), folder(), { owner: OWNER })).toEqual([])
  })
}
