import { expect, test } from 'vitest'
import { MillraceError } from '../../src/errors.ts'
import { makeTopics } from '../../src/files/makeTopics.ts'
import { fileTopics } from '../../src/files/wire/topics.ts'

/** A log that answers from a moment on, seen by a clock that moves only while somebody pauses. */
function world(answersAtMillis: number) {
  let nowMillis = 0
  const made: string[] = []
  const troubles: (string | null)[] = []
  const options = {
    log: {
      createTopic(name: string) {
        if (nowMillis < answersAtMillis) return Promise.reject(new MillraceError('UNAVAILABLE', 'no broker answers'))
        made.push(name)
        return Promise.resolve()
      },
    },
    topics: fileTopics('test-'),
    replication: null,
    startPatienceMillis: 10_000,
    firstPauseMillis: 200,
    mostPauseMillis: 5_000,
    clock: {
      nowMillis: () => nowMillis,
      pause(millis: number) {
        nowMillis += millis
        return Promise.resolve()
      },
      deadline: () => new AbortController().signal,
    },
    onTrouble: (trouble: string | null) => void troubles.push(trouble),
  }
  return { options, made, troubles }
}

test('a broker that has just gone is waited for, and said to be', async () => {
  const { options, made, troubles } = world(3_000)
  await makeTopics(options, { signal: new AbortController().signal })
  expect(made).toEqual(['test-data-blocks', 'test-block-acknowledgments', 'test-processing-status'])
  expect(new Set(troubles.slice(0, -1))).toEqual(new Set(['no broker answers']))
  expect(troubles.at(-1)).toBeNull()
})

test('a log that nobody started ends it after a while', async () => {
  const { options, made } = world(Number.POSITIVE_INFINITY)
  const error = makeTopics(options, { signal: new AbortController().signal })
  await expect(error).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'no broker answers' })
  expect(made).toEqual([])
  expect(options.clock.nowMillis()).toBeGreaterThanOrEqual(10_000)
})
