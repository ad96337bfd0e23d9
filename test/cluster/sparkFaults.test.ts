import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { loadSync } from '@grpc/proto-loader'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Cluster } from '../../harness/cluster.ts'
import { runCommand } from '../../harness/command.ts'
import { openTcpProxy } from '../../harness/proxy.ts'
import type { Engine, EngineSession } from '../../src/datasources/engine.ts'
import { localStorage } from '../../src/datasources/localStorage.ts'
import { openSparkChannel } from '../../src/datasources/spark/channel.ts'
import { execute, SPARK_DEADLINES, type SparkDeadlines } from '../../src/datasources/spark/execute.ts'
import { parseSparkUrl, type SparkAddress } from '../../src/datasources/spark/url.ts'
import { sparkEngine } from '../../src/datasources/sparkEngine.ts'
import { collect } from '../contract/engine.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

const SHORT: SparkDeadlines = { ...SPARK_DEADLINES, heartbeatMillis: 1_000, pulseMillis: 3_000, reattachMillis: 3_000 }
/** Goes on for some seconds, in tasks of both workers. */
const LONG = 'SELECT count(DISTINCT md5(CAST(id % 700000 AS STRING))) AS n FROM range(0, 1500000, 1, 12)'
const LONG_ANSWER = [[700_000]]

/** Each waits for JVMs to start or to compute, on two cores that others use too. */
describe('Spark Connect', { timeout: 300_000 }, () => {
  let cluster: Cluster
  let folder: string
  let address: SparkAddress
  const opened: Engine[] = []
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-spark-faults-'))
    cluster = await startOwnCluster({ services: ['spark'] })
    address = parseSparkUrl(cluster.env.MILLRACE_ENGINE_URL!)
    const session = await engineAt().open()
    await collect(await session.query('SELECT 1 AS a')) // the first query of a JVM takes long
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(engine => engine.close()))
  })
  afterAll(async () => {
    await cluster.destroy()
    await rm(folder, { recursive: true, force: true })
  })

  function engineAt(change: Partial<SparkAddress> = {}, deadlines = SHORT): Engine {
    const storage = localStorage({ folder })
    const storageUrl = async () => `file://${folder}`
    const engine = sparkEngine({ address: { ...address, ...change }, storage, storageUrl, deadlines })
    opened.push(engine)
    return engine
  }
  const answerOf = async (session: EngineSession, sql: string) => await collect(await session.query(sql))
  const portOf = (proxy: { address: string }) => Number(proxy.address.split(':')[1])

  test('that fails in the middle of a query is never taken for one that is done', async () => {
    const session = await engineAt().open()
    const sql = "SELECT id, CAST(CASE WHEN id = 19999 THEN 'x' ELSE '1' END AS INT) AS n FROM range(0, 20000, 1, 2)"
    for (let round = 0; round < 5; round++) {
      await expect(answerOf(session, sql)).rejects.toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringMatching(/CAST_INVALID_INPUT|'x'/),
      })
    }
  })

  test('that ends the stream of a long query before its result is complete is asked to go on', async () => {
    const channel = openSparkChannel(address)
    const sessionId = randomUUID()
    // The harness has the server end every stream after a second.
    const query = 'SELECT count(DISTINCT md5(CAST(id AS STRING))) AS n FROM range(0, 4000000, 1, 12)'
    const root = { common: { planId: 0 }, sql: { query, namedArguments: {} } }
    const options = [{ reattachOptions: { reattachable: true as const } }]
    const request = { plan: { root }, operationId: randomUUID(), requestOptions: options }
    let complete = false
    for await (const answer of channel.stream('ExecutePlan', sessionId, request, undefined)) {
      complete ||= answer.resultComplete !== undefined
    }
    expect(complete, 'the first stream has the whole result').toBe(false)
    await channel.unary('ReleaseSession', sessionId, {}, { deadlineMillis: 5_000 })

    let batches = 0
    const whole = { channel, sessionId: randomUUID(), plan: { root }, deadlines: SHORT, signal: undefined }
    for await (const answer of execute(whole)) batches += answer.arrowBatch ? 1 : 0
    expect(batches).toBe(1)
    channel.close()
  })

  test('whose connections break again and again gives every row once', async () => {
    const proxy = await openTcpProxy({ target: `${address.host}:${address.port}` })
    const session = await engineAt({ port: portOf(proxy) }).open()
    const answer = await session.query("SELECT id, repeat('x', 500) AS text FROM range(0, 60000, 1, 6)")
    const seen = new Set<unknown>()
    let rows = 0
    let breaks = 0
    for await (const batch of answer.rows()) {
      for (const row of batch) seen.add(row[0])
      rows += batch.length
      if (rows > (breaks + 1) * 12_000) {
        breaks += 1
        proxy.reset()
      }
    }
    expect(breaks).toBeGreaterThan(2)
    expect([rows, seen.size]).toEqual([60_000, 60_000])
    await proxy.close()
  })

  test('loses a worker in the middle of a query, and still gives the right answer', async () => {
    const session = await engineAt().open()
    const running = Promise.withResolvers<void>()
    const answer = session.query(LONG, {}, { onProgress: () => running.resolve() }).then(collect)
    await Promise.race([running.promise, answer])
    await cluster.kill('spark-worker-1')
    expect(await answer).toEqual(LONG_ANSWER)
    await cluster.restart('spark-worker-1')
  })

  test('that is killed is unavailable, and a new session works after its restart', async () => {
    const engine = engineAt()
    const session = await engine.open()
    const running = Promise.withResolvers<void>()
    const answer = session.query(LONG, {}, { onProgress: () => running.resolve() }).then(collect)
    const failed = expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE', hint: expect.any(String) })
    await running.promise
    await cluster.kill('spark-connect')
    await failed
    await expect(engine.ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(engine.open()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await cluster.restart('spark-connect')
    expect(await engine.ping()).toMatch(/^Spark \d/)
    expect(await answerOf(await engine.open(), LONG)).toEqual(LONG_ANSWER)
  })

  test('that hangs is unavailable in time', async () => {
    const session = await engineAt().open()
    const running = Promise.withResolvers<void>()
    const answer = session.query(LONG, {}, { onProgress: () => running.resolve() }).then(collect)
    const failed = expect(answer).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await running.promise
    await cluster.hang('spark-connect')
    await failed
    await cluster.resume('spark-connect')
    expect(await answerOf(await engineAt().open(), 'SELECT 1 AS a')).toEqual([[1]])
  })

  test('stops a query in the cluster when its reader goes', async () => {
    const session = await engineAt().open()
    const abort = new AbortController()
    const endless =
      'SELECT count(DISTINCT md5(CAST(a.id * b.id AS STRING))) AS n FROM range(100000) a CROSS JOIN range(100000) b'
    const answer = session.query(endless, {}, { signal: abort.signal, onProgress: () => {} }).then(collect)
    setTimeout(() => abort.abort(new Error('enough')), 2_000)
    await expect(answer).rejects.toThrow('enough')
    // With both cores taken by the first, this would not end.
    expect(await answerOf(session, LONG)).toEqual(LONG_ANSWER)
  })

  test('refuses a wrong token, and none; neither is shown', async () => {
    for (const token of ['canary', null]) {
      const engine = engineAt({ token })
      const error: unknown = await engine.ping().catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'FORBIDDEN', hint: expect.stringContaining('MILLRACE_ENGINE_URL') })
      expect(`${String(error)} ${engine.url}`).not.toMatch(new RegExp(`canary|${address.token}`))
    }
  })

  test('keeps the token out of its logs, its settings and its process list', async () => {
    await answerOf(await engineAt().open(), 'SELECT 1 AS a')
    const logs = cluster.status().map(({ logFile }) => readFile(logFile, 'utf8'))
    const processes = await runCommand('ps', ['-eo', 'args'])
    const { connect } = (JSON.parse(await readFile(join(cluster.folder, 'cluster.json'), 'utf8')) as ClusterFile).spark
    const web = `http://127.0.0.1:${connect.webPort}/api/v1/applications`
    const [application] = (await (await fetch(web)).json()) as { id: string }[]
    const environment = await (await fetch(`${web}/${application!.id}/environment`)).text()
    const sql = await (await fetch(`${web}/${application!.id}/sql?details=true`)).text()
    expect(environment).toContain('spark.master')
    for (const text of [...(await Promise.all(logs)), processes, environment, sql]) {
      expect(text.includes(address.token!)).toBe(false)
    }
  })

  test('may be behind TLS: a certificate that nobody vouches for is refused', async () => {
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
    const subject = ['-subj', '/CN=spark', '-addext', 'subjectAltName=IP:127.0.0.1']
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
    await runCommand('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...subject])
    const [keyText, certificateText] = await Promise.all([key, certificate].map(file => readFile(file, 'utf8')))
    const server = createServer({ key: keyText!, cert: certificateText!, ALPNProtocols: ['h2'] }, socket => {
      const upstream = connect(address.port, address.host)
      socket.pipe(upstream).pipe(socket)
      socket.on('error', () => upstream.destroy())
      upstream.on('error', () => socket.destroy())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const behind = { port: (server.address() as AddressInfo).port, tls: true }
    await expect(engineAt(behind).ping()).rejects.toMatchObject({
      code: 'FORBIDDEN',
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    })
    const known = getCACertificates()
    setDefaultCACertificates([...known, certificateText!])
    try {
      expect(await engineAt(behind).ping()).toMatch(/^Spark \d/)
    } finally {
      setDefaultCACertificates(known)
    }
    server.close()
  })

  test('has every message and field of ours, under the same number and type', async () => {
    const { home } = (JSON.parse(await readFile(join(cluster.folder, 'cluster.json'), 'utf8')) as ClusterFile).spark
    const python = join(home, '../../../../bin/python')
    const jar = (await runCommand('ls', [join(home, 'jars')]))
      .split('\n')
      .find(name => /^spark-connect_.*\.jar$/.test(name))!
    await runCommand(python, ['-m', 'zipfile', '-e', join(home, 'jars', jar), join(folder, 'jar')])
    const theirs = fieldsOf(join(folder, 'jar', 'spark/connect/base.proto'), [join(folder, 'jar')])
    const ours = fieldsOf(join(import.meta.dirname, '../../schema/sparkConnect.proto'), [])
    expect(ours.size).toBeGreaterThan(90)
    const wrong = [...ours].filter(([name, what]) => {
      const their = theirs.get(name)
      // Types without anything in them that we use are all one of ours.
      return their === undefined || (their !== what && !what.endsWith('Plain'))
    })
    expect(wrong.map(([name, what]) => `${name}: ${what}, theirs ${theirs.get(name)}`)).toEqual([])
  })
})

interface ClusterFile {
  spark: { home: string; connect: { webPort: number } }
}

interface MessageType {
  name: string
  field: { name: string; number: number; type: string; typeName: string }[]
  nestedType: MessageType[]
  enumType: { name: string; value: { name: string; number: number }[] }[]
}

/** "spark.connect.Plan.root" -> "1 TYPE_MESSAGE Relation", of all messages and enums of the package. */
function fieldsOf(file: string, includeDirs: string[]): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [name, definition] of Object.entries(loadSync(file, { includeDirs, keepCase: true }))) {
    if (!name.startsWith('spark.connect.') || !('type' in definition)) continue
    const message = definition.type as MessageType
    for (const field of message.field ?? []) {
      const type = field.typeName ? field.typeName.split('.').at(-1) : ''
      fields.set(`${name}.${field.name}`, `${field.number} ${field.type} ${type}`)
    }
  }
  return fields
}
