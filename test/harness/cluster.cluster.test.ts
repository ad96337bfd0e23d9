import { existsSync } from 'node:fs'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { attachCluster, type Cluster, startCluster } from '../../harness/cluster.ts'
import { identify, type ProcessIdentity, processState } from '../../harness/process.ts'
import { listeningAddresses } from '../setup/listening.ts'
import { startOwnCluster } from '../setup/ownCluster.ts'

const NODES = ['mysql', 'namenode', 'datanode-1', 'datanode-2', 'datanode-3', 'kafka-1']

let cluster: Cluster

beforeAll(async () => {
  cluster = await startOwnCluster()
})

afterAll(() => cluster?.destroy())

function stateOf(name: string): string {
  return cluster.status().find(daemon => daemon.name === name)!.state
}

async function query<T>(sql: string): Promise<T> {
  const connection = await createConnection({ uri: cluster.env.MILLRACE_SOURCE_URL!, connectTimeout: 5_000 })
  try {
    const [rows] = await connection.query(sql)
    return rows as T
  } finally {
    await connection.end()
  }
}

function webHdfs(path: string, operation: string, timeoutMillis = 10_000): Promise<Response> {
  const { host } = new URL(cluster.env.MILLRACE_STORAGE_URL!)
  return fetch(`http://${host}/webhdfs/v1${path}?op=${operation}`, { signal: AbortSignal.timeout(timeoutMillis) })
}

test('a cluster has a database, a NameNode, three DataNodes and a broker, and says how to reach them', async () => {
  expect(cluster.names).toEqual(NODES)
  expect(cluster.status().map(daemon => daemon.state)).toEqual(NODES.map(() => 'running'))
  expect(cluster.env.MILLRACE_SOURCE_URL).toMatch(/^mysql:\/\/root:abc@127\.0\.0\.1:\d+\/CS544$/)
  expect(cluster.env.MILLRACE_STORAGE_URL).toMatch(/^webhdfs:\/\/root@127\.0\.0\.1:\d+$/)
  expect(cluster.env.MILLRACE_LOG_URL).toMatch(/^kafka:\/\/127\.0\.0\.1:\d+$/)
  expect(await query('SELECT DATABASE() AS name')).toEqual([{ name: 'CS544' }])
  await cluster.waitForLiveDataNodes(3)
})

test('a second cluster beside the first shares no port with it', () => {
  expect(cluster.folder).not.toBe(inject('cluster').folder)
  for (const [name, url] of Object.entries(inject('cluster').env)) expect(cluster.env[name]).not.toBe(url)
})

test('nothing of a cluster listens beyond the loopback addresses', async () => {
  for (const { name, pid } of cluster.status()) {
    const addresses = await listeningAddresses(pid!)
    expect(addresses.length, name).toBeGreaterThan(0)
    for (const address of addresses) expect(address, name).toMatch(/^127\./)
  }
})

test('starting a cluster that runs starts nothing', async () => {
  const before = cluster.status()
  const lines: string[] = []
  const again = await startCluster({ folder: cluster.folder, progress: line => lines.push(line) })
  expect(again.status()).toEqual(before)
  expect(lines.toSorted()).toEqual(['hdfs: runs already', 'kafka: runs already', 'mysql: runs already'])
})

test('another process sees the cluster as it is, by its folder', async () => {
  const attached = (await attachCluster(cluster.folder))!
  expect(attached.env).toEqual(cluster.env)
  expect(attached.status()).toEqual(cluster.status())
  expect(await attachCluster(`${cluster.folder}-not-there`)).toBeUndefined()
})

test('an unknown name is refused with the names that there are', async () => {
  await expect(cluster.kill('datanode-4')).rejects.toThrow(`expected one of ${NODES.join(', ')}, got "datanode-4"`)
  await expect(cluster.waitUntilDead('mysql')).rejects.toThrow('expected one of datanode-1, datanode-2, datanode-3')
})

test("Hadoop's own tools work on the cluster", async () => {
  await cluster.hdfs(['dfs', '-mkdir', '-p', '/tools'])
  expect(await cluster.hdfs(['dfs', '-ls', '/'])).toMatch(/ \/tools\n/)
  expect(await cluster.hdfs(['fsck', '/'])).toContain('is HEALTHY')
  expect(await cluster.hdfs(['dfsadmin', '-report'])).toContain('Live datanodes (3)')
  await expect(cluster.hdfs(['dfs', '-ls', '/not-there'])).rejects.toThrow('No such file or directory')
  await expect(cluster.hdfs(['yarn'])).rejects.toThrow('expected one of dfs, fsck, dfsadmin, got "yarn"')
})

test('a killed database refuses connections, and has kept its port and its rows when it is restarted', async () => {
  const { env } = cluster
  await query('CREATE TABLE kept (id INT)')
  await query('INSERT INTO kept VALUES (1), (2)')
  await cluster.kill('mysql')
  expect(stateOf('mysql')).toBe('stopped')
  await expect(query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await cluster.restart('mysql')
  expect(await query('SELECT COUNT(*) AS count FROM kept')).toEqual([{ count: 2 }])
  expect(cluster.env).toEqual(env)
})

test('a hung database answers nothing until it is resumed', async () => {
  await cluster.hang('mysql')
  expect(stateOf('mysql')).toBe('hung')
  await expect(query('SELECT 1')).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  await cluster.resume('mysql')
  expect(await query('SELECT 1 AS one')).toEqual([{ one: 1 }])
})

test('a hung NameNode answers nothing until it is resumed', async () => {
  await cluster.hang('namenode')
  await expect(webHdfs('/', 'GETFILESTATUS', 1_000)).rejects.toMatchObject({ name: 'TimeoutError' })
  await cluster.resume('namenode')
  expect((await webHdfs('/', 'GETFILESTATUS')).status).toBe(200)
})

test('a NameNode killed and restarted has its files and its DataNodes again', async () => {
  await cluster.hdfs(['dfs', '-mkdir', '-p', '/remembered'])
  await cluster.kill('namenode')
  await expect(webHdfs('/', 'GETFILESTATUS')).rejects.toThrow('fetch failed')
  await cluster.restart('namenode')
  await cluster.waitForLiveDataNodes(3)
  expect((await webHdfs('/remembered', 'GETFILESTATUS')).status).toBe(200)
})

test('the NameNode gives up a DataNode that was killed, and one that hangs, and takes both back', async () => {
  await cluster.kill('datanode-1')
  await cluster.hang('datanode-2')
  await Promise.all([cluster.waitUntilDead('datanode-1', 60_000), cluster.waitUntilDead('datanode-2', 60_000)])
  await cluster.waitForLiveDataNodes(1)
  await cluster.restart('datanode-1')
  await cluster.resume('datanode-2')
  await cluster.waitForLiveDataNodes(3)
})

test('a cluster that is down has left no process, and comes up again with its data', async () => {
  const processes = identities()
  await cluster.down()
  expect(processes.map(processState)).toEqual(NODES.map(() => 'gone'))
  expect(cluster.status().map(daemon => daemon.state)).toEqual(NODES.map(() => 'stopped'))
  await startCluster({ folder: cluster.folder })
  expect((await webHdfs('/remembered', 'GETFILESTATUS')).status).toBe(200)
})

test('a destroyed cluster has left neither a process nor a file', async () => {
  const processes = identities()
  await cluster.destroy()
  expect(processes.map(processState)).toEqual(NODES.map(() => 'gone'))
  expect(existsSync(cluster.folder)).toBe(false)
})

function identities(): ProcessIdentity[] {
  return cluster.status().map(daemon => identify(daemon.pid!))
}
