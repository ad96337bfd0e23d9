import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clusterCommand } from './clusterCommand.ts'

let dataFolder: string

beforeAll(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'millrace-main-'))
})

afterAll(() => rm(dataFolder, { recursive: true }))

test('without a command the commands are listed', async () => {
  const { errors, exitCode } = await clusterCommand(dataFolder)
  expect(exitCode).toBe(1)
  for (const command of [
    'up',
    'down',
    'status',
    'env',
    'kill <name>',
    'hang <name>',
    'resume <name>',
    'restart <name>',
  ])
    expect(errors).toContain(`\n  ${command} `)
})

test('a missing name is refused with the names that there are', async () => {
  const { errors, exitCode } = await clusterCommand(dataFolder, 'kill')
  expect(exitCode).toBe(1)
  expect(errors).toContain("missing required argument 'name'")
  for (const name of ['mysql', 'datanode-1', 'kafka-1', 'postgres', 'spark-worker-1']) expect(errors).toContain(name)
})

test('an unknown command is refused', async () => {
  const { errors, exitCode } = await clusterCommand(dataFolder, 'explode')
  expect(exitCode).toBe(1)
  expect(errors).toContain("unknown command 'explode'")
})

test.each([['status'], ['env'], ['kill', 'mysql'], ['hdfs', 'dfs', '-ls', '/']])(
  '%s where there is no cluster says how to start one',
  async (...args) => {
    const { output, errors, exitCode } = await clusterCommand(dataFolder, ...args)
    expect(exitCode).toBe(1)
    expect(output).toBe('')
    expect(errors).toBe(
      `error: there is no cluster in ${join(dataFolder, 'cluster')}; start one with: npm run cluster -- up\n`,
    )
  },
)

test('down where there is no cluster has nothing to do', async () => {
  expect(await clusterCommand(dataFolder, 'down')).toMatchObject({ output: 'there is no cluster\n', exitCode: 0 })
})
