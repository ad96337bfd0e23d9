import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attachCluster, startCluster } from '../../harness/cluster.ts'
import { clusterCommand } from './clusterCommand.ts'

let dataFolder: string

beforeAll(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'millrace-main-'))
  await startCluster({ folder: join(dataFolder, 'cluster'), throwaway: true })
})

afterAll(async () => {
  await (await attachCluster(join(dataFolder, 'cluster')))?.destroy()
  await rm(dataFolder, { recursive: true })
})

async function run(...args: string[]): Promise<string> {
  const { output, errors, exitCode } = await clusterCommand(dataFolder, ...args)
  expect({ errors, exitCode }).toEqual({ errors: '', exitCode: 0 })
  return output
}

test('up where all runs says so, and shows each daemon with its pid and log', async () => {
  const output = await run('up')
  expect(output).toMatch(/^mysql: runs already$/m)
  expect(output).toMatch(/^hdfs: runs already$/m)
  expect(output).toMatch(/^kafka: runs already$/m)
  for (const name of ['mysql', 'namenode', 'datanode-1', 'datanode-2', 'datanode-3', 'kafka-1'])
    expect(output).toMatch(new RegExp(`^${name} +running +pid \\d+ +/.*/${name}\\.log$`, 'm'))
})

test('env prints lines that a shell can evaluate', async () => {
  expect(await run('env')).toMatch(
    /^export MILLRACE_SOURCE_URL='mysql:\/\/.*'\nexport MILLRACE_STORAGE_URL='webhdfs:\/\/.*'\nexport MILLRACE_LOG_URL='kafka:\/\/.*'\n$/,
  )
})

test('a daemon is killed, restarted, hung and resumed by name, and status shows it', async () => {
  expect(await run('kill', 'mysql')).toBe('killed mysql\n')
  expect(await run('status')).toMatch(/^mysql +stopped +- /m)
  expect(await run('restart', 'mysql')).toBe('restarted mysql\n')
  expect(await run('hang', 'datanode-2')).toBe('hung datanode-2\n')
  expect(await run('status')).toMatch(/^datanode-2 +hung +pid /m)
  expect(await run('resume', 'datanode-2')).toBe('resumed datanode-2\n')
  expect(await run('status')).not.toMatch(/stopped|hung/)
})

test('a daemon that does not run cannot be hung, and the message says what to do', async () => {
  await run('kill', 'mysql')
  const { errors, exitCode } = await clusterCommand(dataFolder, 'hang', 'mysql')
  expect(exitCode).toBe(1)
  expect(errors).toBe('error: mysql does not run, so it cannot be sent SIGSTOP; start it with "restart mysql"\n')
})

test("hdfs hands its arguments to Hadoop's own tools", async () => {
  await run('hdfs', 'dfs', '-mkdir', '-p', '/by/hand')
  expect(await run('hdfs', 'dfs', '-ls', '-R', '/')).toContain(' /by/hand\n')
})

test('down stops all, and with --remove takes the data too', async () => {
  expect(await run('down')).toMatch(/^stopped mysql, namenode, datanode-1, datanode-2, datanode-3, kafka-1\n$/)
  expect((await run('status')).match(/ stopped /g)).toHaveLength(6)
  await run('down', '--remove')
  expect(existsSync(join(dataFolder, 'cluster'))).toBe(false)
})
