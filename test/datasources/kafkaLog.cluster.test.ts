import { inject } from 'vitest'
import { kafkaLog } from '../../src/datasources/kafkaLog.ts'
import { testLog } from '../contract/log.ts'
import { kafkaOptions } from '../setup/kafkaOptions.ts'

testLog('Kafka', async () => kafkaLog(kafkaOptions(inject('cluster').env.MILLRACE_LOG_URL!)))
