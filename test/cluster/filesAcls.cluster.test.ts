import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Acl,
  AclOperations,
  AclPermissionTypes,
  Admin,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { systemClock } from '../../src/datasources/clock.ts'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import type { Log } from '../../src/datasources/log.ts'
import { createReceiver } from '../../src/files/receive/createReceiver.ts'
import { createSender } from '../../src/files/send/createSender.ts'
import type { SendResult } from '../../src/files/send/sender.ts'
import { createTracker } from '../../src/files/track/tracker.ts'
import { type FileTopics, fileTopics } from '../../src/files/wire/topics.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

type Right = 'DESCRIBE' | 'READ' | 'WRITE'
type Rights = Partial<Record<keyof FileTopics, Right[]>> & { group?: Right[] }

/** What docs/file-distribution.md says that each needs where an administrator has made the topics. */
const SENDER: Rights = { blocks: ['WRITE'], acknowledgments: ['READ'], status: ['WRITE'] }
const RECEIVER: Rights = { blocks: ['READ'], acknowledgments: ['WRITE'], status: ['WRITE'], group: ['READ'] }
const MONITOR: Rights = { acknowledgments: ['READ'], status: ['READ'] }

const GROUP = 'distributed-processors'
const topics = fileTopics()
let cluster: Cluster
let folder: string
let admin: Admin
let owner: Log
let guest: Log
let granted: Acl[] = []

beforeAll(async () => {
  cluster = await startOwnCluster({ services: ['kafka'], kafka: { secured: true } })
  folder = mkdtempSync(join(tmpdir(), 'millrace-acls-'))
  const { user, guest: guestName, password, saslBrokers } = cluster.securedKafka!
  const plain = kafkaOptions(cluster.env.MILLRACE_LOG_URL!)
  const bootstrapBrokers = plain.brokers
  admin = new Admin({ clientId: 'administrator', bootstrapBrokers })
  owner = kafkaLog({ ...plain, user, password, brokers: saslBrokers })
  guest = kafkaLog({ ...plain, user: guestName, password, brokers: saslBrokers })
  for (const { name, partitions } of Object.values(topics))
    await owner.createTopic(name, { partitions, replication: 1 })
})
afterEach(async () => {
  await admin.deleteAcls({ filters: granted })
  granted = []
})
afterAll(async () => {
  await admin?.close()
  await guest?.close()
  await owner?.close()
  await cluster?.destroy()
  rmSync(folder, { recursive: true, force: true })
})

/** Resolves when the brokers know. */
async function grant({ group = [], ...ofTopics }: Rights): Promise<void> {
  const principal = `User:${cluster.securedKafka!.guest}`
  const acl = (resourceType: Acl['resourceType'], resourceName: string, right: Right): Acl => ({
    resourceType,
    resourceName,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    principal,
    host: '*',
    operation: AclOperations[right],
    permissionType: AclPermissionTypes.ALLOW,
  })
  granted = [
    ...group.map(right => acl(ResourceTypes.GROUP, GROUP, right)),
    ...Object.entries(ofTopics).flatMap(([topic, rights]) =>
      rights.map(right => acl(ResourceTypes.TOPIC, topics[topic as keyof FileTopics].name, right)),
    ),
  ]
  await admin.createAcls({ creations: granted })
  for (const topic of Object.keys(ofTopics) as (keyof FileTopics)[]) {
    await expect.poll(() => guest.partitions(topics[topic].name), { timeout: 20_000 }).toBeGreaterThan(0)
  }
}

/** One new file from `from` to `to`, as far as its acknowledgment. */
async function sendOne(from: Log, to: Log): Promise<SendResult> {
  const out = join(folder, randomUUID())
  mkdirSync(out)
  writeFileSync(join(out, 'a.bin'), Buffer.alloc(100_000, randomUUID()))
  const stop = new AbortController()
  const receiver = createReceiver({
    log: to,
    topics,
    machine: 'machine1',
    groupId: GROUP,
    output: folder,
    seal: null,
    processor: null,
  })
  const receiving = receiver.run(stop.signal)
  try {
    const sender = createSender({
      log: from,
      folder: out,
      machine: 'producer1',
      topics,
      seal: null,
      settings: { wait: true },
    })
    return await Promise.race([sender.run(stop.signal), receiving.then(() => expect.fail('the receiver has ended'))])
  } finally {
    stop.abort()
    await receiving
  }
}

const SENT = { files: [{ blocks: 1, acknowledgedBlocks: 1, failedBlocks: 0, problem: null }] }

test('without rights a sender is told so', async () => {
  await expect(sendOne(guest, owner)).rejects.toMatchObject({ code: 'FORBIDDEN' })
})

test('a sender needs to write blocks and its status, and to read acknowledgments', async () => {
  await grant(SENDER)
  expect(await sendOne(guest, owner)).toMatchObject(SENT)
})

test('a receiver needs to read blocks in its group, and to write acknowledgments and its status', async () => {
  await grant(RECEIVER)
  expect(await sendOne(owner, guest)).toMatchObject(SENT)
})

test('a monitor needs to read acknowledgments and the status, and gets at no bytes of files', async () => {
  await grant(MONITOR)
  const tracker = createTracker({ log: guest, topics, clock: systemClock, note: () => {} })
  await tracker.refresh()
  expect(tracker.transfers({ first: 10 })).toMatchObject([{ state: 'COMPLETE' }, { state: 'COMPLETE' }])
  expect(tracker.machines()).toHaveLength(2)
  const read = guest.fetch(topics.blocks.name, 0, { offset: 0, maxBytes: 1_000, waitMillis: 0 })
  await expect(read).rejects.toMatchObject({ code: 'FORBIDDEN' })
})
