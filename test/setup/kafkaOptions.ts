import { parseKafkaUrl } from '../../src/datasources/kafka/address.ts'
import type { KafkaLogOptions } from '../../src/datasources/kafkaLog.ts'

/** As Millrace has them where nothing but the URL is set. */
export function kafkaOptions(url: string): KafkaLogOptions {
  return { ...parseKafkaUrl(url), saslMechanism: 'SCRAM-SHA-512', tls: false, tlsCaFile: null, compression: 'none' }
}
