import { expect, test } from 'vitest'
import type { Failure } from '../../../src/datasources/webhdfs/failure.ts'
import { createNodeHealth } from '../../../src/datasources/webhdfs/nodeHealth.ts'
import { createReplicaChoice } from '../../../src/datasources/webhdfs/replicaChoice.ts'
import { webHdfsDefaults } from '../../../src/datasources/webhdfs/settings.ts'

const LOCATION = new URL('http://127.0.0.1:9864/webhdfs/v1/file')

/** Time is moved by hand, also that of the watch; only nodes in `living` live. */
function health() {
  const clock = { nowMillis: 0 }
  const probes: string[] = []
  const living = new Set<string>()
  const pauses: (() => void)[] = []
  const nodes = createNodeHealth(
    webHdfsDefaults,
    {
      async isAlive(_location, node) {
        probes.push(node)
        return living.has(node)
      },
    },
    {
      nowMillis: () => clock.nowMillis,
      pause: (_millis, signal) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        pauses.push(resolve)
        signal?.addEventListener('abort', () => resolve())
        return promise
      },
    },
  )
  const failed = (node: string, failure: Failure) => nodes.failed(node, failure, LOCATION)
  /** Lets all pauses end, and what follows them happen. */
  const passPauses = async () => {
    for (const end of pauses.splice(0)) end()
    await new Promise(setImmediate)
  }
  return { clock, probes, living, passPauses, health: { ...nodes, failed } }
}

test('remembers a node that refused or was silent for ten seconds, one that hangs or could not be reached until it lives', async () => {
  const { clock, living, passPauses, health: nodes } = health()
  nodes.failed('a:1', 'refused')
  nodes.failed('b:1', 'unreachable')
  clock.nowMillis = 4_000
  nodes.failed('c:1', 'hung')
  nodes.failed('d:1', 'silent')
  expect([...nodes.remembered()]).toEqual([
    ['a:1', 'refused'],
    ['b:1', 'unreachable'],
    ['c:1', 'hung'],
    ['d:1', 'silent'],
  ])
  clock.nowMillis = 10_000
  await passPauses()
  expect([...nodes.remembered().keys()]).toEqual(['b:1', 'c:1', 'd:1'])
  clock.nowMillis = 14_000
  await passPauses()
  expect([...nodes.remembered().keys()]).toEqual(['b:1', 'c:1'])
  living.add('c:1')
  await passPauses()
  expect([...nodes.remembered().keys()]).toEqual(['b:1'])
  living.add('b:1')
  await passPauses()
  expect(nodes.remembered().size).toBe(0)
})

test('a node that hangs is probed once at a time, however often it fails, and no more once it is not remembered', async () => {
  const { clock, probes, passPauses, health: nodes } = health()
  nodes.failed('a:1', 'hung')
  nodes.failed('a:1', 'hung')
  await passPauses()
  await passPauses()
  expect(probes).toEqual(['a:1', 'a:1'])
  nodes.answered('a:1')
  await passPauses()
  nodes.failed('b:1', 'hung')
  clock.nowMillis = webHdfsDefaults.watchForMillis
  await passPauses()
  expect(nodes.remembered().size).toBe(0)
  nodes.failed('c:1', 'hung')
  nodes.close()
  await passPauses()
  expect(probes).toEqual(['a:1', 'a:1'])
})

test('does not blame a node for a broken connection', () => {
  const { health: nodes } = health()
  nodes.failed('a:1', 'reset')
  expect(nodes.remembered().size).toBe(0)
})

test('a node that was silent in another read is kept away from, and asked again where no other will do', () => {
  const { health: nodes } = health()
  nodes.failed('silent:1', 'silent')
  const choice = createReplicaChoice(nodes)
  expect(choice.excluded()).toEqual(['silent:1'])
  expect(choice.pardon()).toBe(true)
  expect(choice.excluded()).toEqual([])
})

test('forgets a node as soon as it answers', () => {
  const { health: nodes } = health()
  nodes.failed('a:1', 'hung')
  nodes.answered('a:1')
  expect(nodes.remembered().size).toBe(0)
})

test('a failure that is repeated is remembered anew', () => {
  const { clock, health: nodes } = health()
  nodes.failed('a:1', 'refused')
  clock.nowMillis = 9_000
  nodes.failed('a:1', 'hung')
  clock.nowMillis = 18_000
  expect([...nodes.remembered()]).toEqual([['a:1', 'hung']])
})

test('a read keeps away from what is remembered and from what failed it', () => {
  const { health: nodes } = health()
  nodes.failed('dead:1', 'hung')
  const choice = createReplicaChoice(nodes)
  choice.failed('slow:1', 'silent')
  expect(choice.excluded()).toEqual(['dead:1', 'slow:1'])
  choice.answered('slow:1')
  expect(choice.excluded()).toEqual(['dead:1'])
})

test('second chances go to the likeliest first, once each, and none to a node that hung on this read', () => {
  const { health: nodes } = health()
  nodes.failed('refused:1', 'refused')
  const choice = createReplicaChoice(nodes)
  choice.failed('hung:1', 'hung')
  choice.failed('silent:1', 'silent')
  choice.failed('reset:1', 'reset')
  expect(choice.excluded()).toEqual(['refused:1', 'hung:1', 'silent:1', 'reset:1'])
  expect(choice.pardon()).toBe(true)
  expect(choice.excluded()).toEqual(['refused:1', 'hung:1', 'silent:1'])
  choice.failed('reset:1', 'reset')
  expect(choice.pardon()).toBe(true)
  expect(choice.excluded()).toEqual(['refused:1', 'hung:1', 'reset:1'])
  expect(choice.pardon()).toBe(true)
  expect(choice.excluded()).toEqual(['hung:1', 'reset:1'])
  expect(choice.pardon()).toBe(false)
})

test('one node that is remembered as hung or unreachable is not waited for again; of several, one may have been blamed wrongly', () => {
  const { health: nodes } = health()
  nodes.failed('gone:1', 'unreachable')
  expect(createReplicaChoice(nodes).pardon()).toBe(false)
  nodes.failed('stalled:1', 'hung')
  const choice = createReplicaChoice(nodes)
  expect(choice.pardon()).toBe(true)
  expect(choice.excluded()).toEqual(['stalled:1'])
  choice.failed('gone:1', 'unreachable')
  expect(choice.pardon()).toBe(true)
  expect(choice.excluded()).toEqual(['gone:1'])
})

test('where this read itself could not reach several nodes, each gets one more try; one that hangs gets none', () => {
  const choice = createReplicaChoice(health().health)
  choice.failed('gone:1', 'unreachable')
  expect(choice.pardon()).toBe(false)
  choice.failed('stalled:1', 'hung')
  expect(choice.pardon()).toBe(true)
  expect(choice.excluded()).toEqual(['stalled:1'])
  choice.failed('gone:1', 'unreachable')
  expect(choice.pardon()).toBe(false)
})
