import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { sqliteLog } from '../../src/datasources/sqliteLog.ts'
import { testLog } from '../contract/log.ts'
import { testLogGroups } from '../contract/logGroup.ts'

const folder = await mkdtemp(join(tmpdir(), 'millrace-log-'))
afterAll(() => rm(folder, { recursive: true }))

const open = async () => sqliteLog({ file: join(folder, 'not/there/yet/log.sqlite') })

testLog('a log in a file', open)
testLogGroups('groups in a file', open)
