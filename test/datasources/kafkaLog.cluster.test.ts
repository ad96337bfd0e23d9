import { inject } from 'vitest'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { testLog } from '../contract/log.ts'
import { testLogGroups } from '../contract/logGroup.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'

const open = async () => kafkaLog(kafkaOptions(inject('cluster').env.MILLRACE_LOG_URL!))

testLog('Kafka', open)
testLogGroups('groups in Kafka', open)
