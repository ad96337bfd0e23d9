import { userInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import { formatWebHdfsUrl, parseWebHdfsUrl } from '../../../src/datasources/webhdfs/url.ts'

describe('a webhdfs URL', () => {
  test.each([
    ['webhdfs://root@boss:9870', { nameNodes: ['boss:9870'], user: 'root', root: '/' }],
    ['webhdfs://root@nn1:9870,nn2:9871', { nameNodes: ['nn1:9870', 'nn2:9871'], user: 'root', root: '/' }],
    ['webhdfs://root@boss', { nameNodes: ['boss:9870'], user: 'root', root: '/' }],
    ['webhdfs://root@boss:9870/', { nameNodes: ['boss:9870'], user: 'root', root: '/' }],
    [
      'webhdfs://hdfs_1@10.0.0.1:50070/data/millrace/',
      { nameNodes: ['10.0.0.1:50070'], user: 'hdfs_1', root: '/data/millrace' },
    ],
    ['webhdfs://svc$@[::1]:9870', { nameNodes: ['[::1]:9870'], user: 'svc$', root: '/' }],
  ])('%s is read', (text, address) => {
    expect(parseWebHdfsUrl(text)).toEqual(address)
    expect(parseWebHdfsUrl(formatWebHdfsUrl(address))).toEqual(address)
  })

  test('without a user has the one who runs the process, as Hadoop has it', () => {
    expect(parseWebHdfsUrl('webhdfs://boss:9870').user).toBe(userInfo().username)
  })

  test.each([
    ['hdfs://boss:9000', 'starts with webhdfs://'],
    ['webhdfs://', 'host:port of a NameNode'],
    ['webhdfs://root@', 'host:port of a NameNode'],
    ['webhdfs://root@boss:9870,', 'host:port of a NameNode'],
    ['webhdfs://root@boss:http', 'a port from 1 to 65535'],
    ['webhdfs://root@boss:0', 'a port from 1 to 65535'],
    ['webhdfs://root@boss:65536', 'a port from 1 to 65535'],
    ['webhdfs://root@boss:9870,boss:9870', 'each NameNode once'],
    ['webhdfs://ro ot@boss:9870', 'a Hadoop user name'],
    ['webhdfs://root@bo ss:9870', 'host:port of a NameNode'],
    ['webhdfs://root@boss:9870/a/../b', '".." segment'],
    ['webhdfs://root@boss:9870/a?user.name=hdfs', 'no "?"'],
  ])('%s is refused: expected %s', (text, expected) => {
    expect(() => parseWebHdfsUrl(text)).toThrow(expected)
    expect(() => parseWebHdfsUrl(text)).toThrow(
      expect.objectContaining({ code: 'BAD_USER_INPUT', hint: expect.any(String) as string }),
    )
  })

  test('with a password is refused without showing it', () => {
    expect(() => parseWebHdfsUrl('webhdfs://root:hunter2@boss:9870')).toThrow(/without a password/)
    expect(() => parseWebHdfsUrl('webhdfs://root:hunter2@boss:9870')).not.toThrow(/hunter2/)
  })
})
