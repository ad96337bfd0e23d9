import { MultipleErrors, NetworkError, ProtocolError, UserError } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { explainKafkaError, isTransient } from '../../src/datasources/kafka/errors.ts'
import { MillraceError } from '../../src/errors.ts'

const URL = 'kafka://one:9092'
const explain = (error: unknown) => explainKafkaError(error, URL, 'a-topic')

test.each([
  ['UNKNOWN_TOPIC_OR_PARTITION', 'NOT_FOUND', '"a-topic"'],
  ['TOPIC_AUTHORIZATION_FAILED', 'FORBIDDEN', 'does not let this user'],
  ['GROUP_AUTHORIZATION_FAILED', 'FORBIDDEN', 'does not let this user'],
  ['SASL_AUTHENTICATION_FAILED', 'FORBIDDEN', 'refused this user'],
  ['MESSAGE_TOO_LARGE', 'BAD_USER_INPUT', 'records of that size'],
  ['INVALID_REPLICATION_FACTOR', 'BAD_USER_INPUT', 'fewer brokers'],
  ['POLICY_VIOLATION', 'BAD_USER_INPUT', 'name or layout'],
  ['LEADER_NOT_AVAILABLE', 'UNAVAILABLE', 'did not answer (LEADER_NOT_AVAILABLE)'],
  ['NOT_ENOUGH_REPLICAS', 'UNAVAILABLE', 'too few brokers'],
])('%s of Kafka is %s', (apiId, code, message) => {
  const error = new MultipleErrors('produce failed 3 times.', [new ProtocolError(apiId)])
  const explained = explain(error)
  expect(explained).toBeInstanceOf(MillraceError)
  expect(explained).toMatchObject({ code, hint: expect.any(String) as string, cause: error })
  expect(String(explained)).toContain(message)
})

test('what the library says in words only is understood too', () => {
  expect(explain(new UserError('Unknown topic a-topic.'))).toMatchObject({ code: 'NOT_FOUND' })
  expect(explain(new UserError('Broker requires TLS.'))).toMatchObject({ code: 'FORBIDDEN' })
})

test('the cause that says most counts, however deep it lies', () => {
  const refused = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
  const failure = new MultipleErrors('Cannot connect to any broker.', [
    new NetworkError('Connection failed.', { cause: refused }),
  ])
  expect(explain(failure)).toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('a host name is not known (ENOTFOUND)') as string,
  })
})

test('an error that nobody foresaw stays as it is, and so does one of ours', () => {
  const odd = new TypeError('x is not a function')
  expect(explain(odd)).toBe(odd)
  const ours = new MillraceError('CONFLICT', 'Expected this.')
  expect(explain(ours)).toBe(ours)
})

test('another leader and a topic made anew are worth another attempt, a missing right is not', () => {
  expect(isTransient(new ProtocolError('NOT_LEADER_OR_FOLLOWER'))).toBe(true)
  expect(isTransient(new ProtocolError('UNKNOWN_TOPIC_ID'))).toBe(true)
  expect(isTransient(new NetworkError('Connection closed'))).toBe(true)
  expect(isTransient(new ProtocolError('TOPIC_AUTHORIZATION_FAILED'))).toBe(false)
  expect(isTransient(new TypeError('x'))).toBe(false)
})
