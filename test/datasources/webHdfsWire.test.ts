import { describe, expect, test } from 'vitest'
import { LAYOUT } from '../contract/files.ts'
import {
  answerException,
  answerJson,
  type Handler,
  nameNodeOf,
  redirect,
  silence,
  statusOf,
} from './webhdfs/fakeHdfs.ts'
import { BYTES, fake, nobody, open, ops, sendsBytes, sendsTo, whole } from './webhdfs/fakeStorage.ts'

// What real HDFS cannot be made to show. Everything else is in webHdfsStorage.cluster.test.ts and cluster/webHdfsFaults.

describe('several NameNodes', () => {
  const active: Handler = (_, response) => answerJson(response, statusOf(5))

  test.each([
    [
      'is standby',
      ((_, response) => answerException(response, 'StandbyException', 'READ is not supported')) as Handler,
    ],
    ['is starting', ((_, response) => answerException(response, 'RetriableException', 'still not started')) as Handler],
    ['keeps silent', silence],
    ['breaks the connection', ((_, __, request) => request.socket.destroy()) as Handler],
  ])('the next one is asked where the first %s, and stays the one that is asked', async (_, handle) => {
    const first = await fake(handle)
    const second = await fake(active)
    const storage = open(first, second)
    expect((await storage.stat('/file')).length).toBe(5)
    const before = first.requests.length
    await storage.stat('/file')
    expect(first.requests.length).toBe(before)
    expect(second.requests.length).toBe(2)
  })

  test('the next one is asked where nothing listens at the first', async () => {
    const second = await fake(active)
    expect((await open(await nobody(), second).stat('/file')).length).toBe(5)
  })

  test('where none is active, the error says what each did, and a single one is asked again after silence', async () => {
    const standby = await fake((_, response) => answerException(response, 'StandbyException', 'no'))
    const silent = await fake(silence)
    const down = await nobody()
    const asking = open(standby, silent, down).stat('/file')
    await expect(asking).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: `no active NameNode answered: ${standby.address} is not active; ${silent.address} did not answer in time; ${down.address} refused the connection`,
    })
    expect(ops(silent)).toEqual(['GETFILESTATUS', 'GETFILESTATUS'])
  })

  test('a rename is not sent twice when nobody knows whether it was done', async () => {
    const silent = await fake(silence)
    const second = await fake(active)
    await expect(open(silent, second).rename('/a', '/b')).rejects.toMatchObject({
      message: expect.stringContaining('may have done it or not') as string,
      hint: 'Check that the NameNode answers, then ask again.',
    })
    expect([ops(silent), ops(second)]).toEqual([['RENAME'], []])
  })

  test('safe mode is no reason to ask another one, and the hint says what to do', async () => {
    const safe = await fake((_, response) =>
      answerException(response, 'RetriableException', 'Cannot create directory. Name node is in safe mode.'),
    )
    const second = await fake(active)
    await expect(open(safe, second).stat('/a')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      hint: expect.stringContaining('safemode') as string,
    })
    expect(second.requests).toEqual([])
  })
})

describe('answers of NameNodes', () => {
  test('a NameNode without GETFILEBLOCKLOCATIONS is asked GET_BLOCK_LOCATIONS, and only that from then on', async () => {
    const nameNode = await fake(({ op }, response) => {
      if (op === 'GETFILESTATUS') return answerJson(response, statusOf(1500))
      if (op === 'GETFILEBLOCKLOCATIONS') {
        const message = 'Invalid value for webhdfs parameter "op": No enum constant GetOpParam.Op.GETFILEBLOCKLOCATIONS'
        return answerException(response, 'IllegalArgumentException', message, 400)
      }
      const block = (startOffset: number, numBytes: number, hosts: string[]) => ({
        startOffset,
        block: { numBytes },
        locations: hosts.map(hostName => ({ hostName })),
      })
      answerJson(response, { LocatedBlocks: { locatedBlocks: [block(1024, 476, []), block(0, 1024, ['a', 'b'])] } })
    })
    const storage = open(nameNode)
    const blocks = [
      { offset: 0, length: 1024, dataNodes: ['a', 'b'] },
      { offset: 1024, length: 476, dataNodes: [] },
    ]
    expect((await storage.blockLocations('/file')).blocks).toEqual(blocks)
    expect((await storage.blockLocations('/file')).blocks).toEqual(blocks)
    expect(ops(nameNode)).toEqual([
      'GETFILESTATUS',
      'GETFILEBLOCKLOCATIONS',
      'GET_BLOCK_LOCATIONS',
      'GETFILESTATUS',
      'GET_BLOCK_LOCATIONS',
    ])
  })

  test.each([
    ['a page of a proxy', 502, '<html><script>alert(1)</script>', 'HTTP 502'],
    ['nothing', 500, '', 'HTTP 500'],
    ['a list', 400, '[]', 'HTTP 400'],
    ['an exception without a name', 403, '{"RemoteException":{"message":"x"}}', 'HTTP 403'],
    ['a name that is none', 403, '{"RemoteException":{"exception":"<b>\\u001b[31m","message":"x"}}', 'HTTP 403'],
    [
      'an unknown exception',
      500,
      '{"RemoteException":{"exception":"OddException","message":"odd"}}',
      'OddException: odd',
    ],
  ])('%s in the place of a RemoteException is told in short', async (_, status, body, told) => {
    const nameNode = await fake((__, response) => void response.writeHead(status).end(body))
    const error: unknown = await open(nameNode)
      .stat('/file')
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|FORBIDDEN/) as string })
    expect(String(error)).toContain(told)
    expect(String(error)).not.toMatch(/[<\p{Cc}]/u)
  })

  test('a host that Hadoop cannot look up is worth another try, unlike another illegal argument', async () => {
    const answers = ['java.net.UnknownHostException: boss', 'Invalid value']
    const nameNode = await fake((_, response) =>
      answerException(response, 'IllegalArgumentException', answers.shift()!, 400),
    )
    const storage = open(nameNode)
    await expect(storage.stat('/file')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(storage.stat('/file')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' })
  })

  test('a message of a RemoteException is cut to one short line without control characters', async () => {
    const message = `line one \u001b[31m${'x'.repeat(10_000)}\nat org.apache.Secret(Secret.java:1)`
    const nameNode = await fake((_, response) => answerException(response, 'AccessControlException', message))
    const error: unknown = await open(nameNode)
      .stat('/file')
      .catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'FORBIDDEN' })
    expect(String(error).length).toBeLessThan(600)
    expect(String(error)).not.toMatch(/Secret|\p{Cc}/u)
  })

  test.each([
    ['no JSON', 'hello', 'expected JSON as the answer to GETFILESTATUS'],
    ['other JSON', '{"FileStatus":{"length":"5"}}', 'expected an answer to GETFILESTATUS as WebHDFS gives it'],
  ])('%s is UNAVAILABLE, with what was expected', async (_, body, message) => {
    const nameNode = await fake((__, response) => void response.end(body))
    const asking = open(nameNode).stat('/file')
    await expect(asking).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(message) as string,
    })
  })
})

describe('redirects', () => {
  test('one to a host that is none of the DataNodes is not followed', async () => {
    const stranger = await fake(sendsBytes)
    const nameNode = await fake(
      nameNodeOf(
        () => ['127.0.0.1:1'],
        (received, response) => redirect(response, received, stranger.address),
      ),
    )
    const storage = open(nameNode)
    const message = expect.stringContaining(`redirected to ${stranger.address}`) as string
    await expect(storage.read('/file', whole)).rejects.toMatchObject({ code: 'FORBIDDEN', message })
    await expect(storage.create('/file', [BYTES], LAYOUT)).rejects.toMatchObject({ code: 'FORBIDDEN', message })
    expect(stranger.requests).toEqual([])
  })

  test.each(['ftp://127.0.0.1/webhdfs/v1/file', 'http://127.0.0.1:1/other/file', 'nonsense', 'file:///etc/passwd'])(
    'one to %s is not followed',
    async location => {
      const nameNode = await fake((_, response) => void response.writeHead(307, { location }).end())
      await expect(open(nameNode).read('/file', whole)).rejects.toMatchObject({
        code: expect.stringMatching(/FORBIDDEN|UNAVAILABLE/) as string,
      })
    },
  )

  test('one of a DataNode is not followed', async () => {
    const stranger = await fake(sendsBytes)
    const dataNode = await fake((received, response) => redirect(response, received, stranger.address))
    const nameNode = await fake(sendsTo(() => [dataNode.address]))
    await expect(open(nameNode).read('/file', whole)).rejects.toMatchObject({ code: 'DATA_LOST' })
    expect(stranger.requests).toEqual([])
  })

  test('one is followed without credentials, to the path that was asked for, and its DataNode is looked up once', async () => {
    const dataNode = await fake(sendsBytes)
    const nameNode = await fake(
      nameNodeOf(
        () => [dataNode.address],
        (_, response) => {
          const location = `http://user:secret@${dataNode.address}/webhdfs/v1/elsewhere?op=OPEN&offset=0&length=3000`
          response.writeHead(307, { location, 'set-cookie': 'hadoop.auth=secret' }).end()
        },
      ),
    )
    const storage = open(nameNode)
    expect(BYTES.equals(await storage.read('/a file', whole))).toBe(true)
    await storage.read('/a file', whole)
    expect(dataNode.requests.map(({ path }) => path)).toEqual(['/a file', '/a file'])
    for (const { headers } of dataNode.requests) {
      expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['authorization']))
      expect(JSON.stringify(headers)).not.toContain('secret')
    }
    expect(ops(nameNode).filter(op => op === '/jmx')).toHaveLength(1)
  })
})
