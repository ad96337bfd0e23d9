import { describe, expect, test } from 'vitest'
import { LAYOUT, noise } from '../contract/files.ts'
import {
  answerException,
  answerJson,
  type FakeNode,
  type Handler,
  silence,
  statusOf,
  transferAddress,
} from './webhdfs/fakeHdfs.ts'
import { BYTES, fake, nobody, open, openWith, ops, sendsBytes, sendsTo, whole } from './webhdfs/fakeStorage.ts'

// What real HDFS cannot be made to show. Everything else is in webHdfsStorage.cluster.test.ts and cluster/webHdfsFaults.

describe('reading', () => {
  /** Sends so many bytes of what was asked, then breaks the connection. */
  const breaksAfter =
    (bytes: number): Handler =>
    ({ query }, response) => {
      const offset = Number(query.get('offset'))
      response.writeHead(200, { 'content-length': query.get('length')! })
      response.write(BYTES.subarray(offset, offset + bytes), () => response.destroy())
    }

  test('goes on with another DataNode from the byte reached, and excludes those that broke off', async () => {
    const first = await fake(breaksAfter(100))
    const second = await fake(breaksAfter(1000))
    const third = await fake(sendsBytes)
    const nameNode = await fake(sendsTo(() => [first, second, third].map(({ address }) => address)))
    const cost = { requests: 0, bytes: 0 }
    expect(BYTES.equals(await open(nameNode).read('/file', whole, { cost }))).toBe(true)
    const opens = nameNode.requests.filter(({ op }) => op === 'OPEN')
    expect(opens.map(({ query }) => [query.get('offset'), query.get('excludedatanodes')])).toEqual([
      ['0', null],
      ['0', transferAddress(first.address)],
      ['1000', `${transferAddress(first.address)},${transferAddress(second.address)}`],
    ])
    // Three OPENs, each to two servers, and two looks at the file: bytes that came before the first are not built upon.
    expect(cost).toEqual({ requests: 8, bytes: 100 + 3000 })
  })

  /** A NameNode by whose word the file is another one each time, up to so many times. */
  function replaces(dataNodes: FakeNode[], times: number): Handler {
    let fileId = 0
    const status = () => {
      fileId = Math.min(fileId + 1, times)
      return statusOf(BYTES.length, { fileId })
    }
    return sendsTo(() => dataNodes.map(({ address }) => address), status)
  }

  test('begins anew where the file was replaced between two pieces', async () => {
    const dataNodes = [await fake(breaksAfter(100)), await fake(breaksAfter(1000)), await fake(sendsBytes)]
    const nameNode = await fake(replaces(dataNodes, 3))
    expect(BYTES.equals(await open(nameNode).read('/file', whole))).toBe(true)
    const opens = nameNode.requests.filter(({ op }) => op === 'OPEN')
    expect(opens.map(({ query }) => query.get('offset'))).toEqual(['0', '0', '1000', '0', '1000'])
  })

  test('gives up a file that is replaced whenever it is read', async () => {
    const breaksAtTheStart: Handler = (received, response, request) => {
      const handle = received.query.get('offset') === '0' ? breaksAfter(10) : sendsBytes
      handle(received, response, request)
    }
    const dataNodes = await Promise.all(Array.from({ length: 5 }, () => fake(breaksAtTheStart)))
    const nameNode = await fake(replaces(dataNodes, Infinity))
    await expect(open(nameNode).read('/file', whole)).rejects.toThrow('"/file" was replaced again and again')
  })

  test('keeps away from a hung DataNode after its first silence, in this read and the next, for reads and writes', async () => {
    const hung = await fake(silence)
    const healthy = await fake((received, response, request) => {
      if (received.op !== 'CREATE') return sendsBytes(received, response, request)
      response.writeContinue()
      request.resume().on('end', () => response.writeHead(201).end())
    })
    const nameNode = await fake(sendsTo(() => [hung.address, healthy.address]))
    const storage = open(nameNode)
    const reads = await Promise.all(Array.from({ length: 10 }, () => storage.read('/file', whole)))
    expect(reads.every(bytes => BYTES.equals(bytes))).toBe(true)
    // One probe for all of the ten that waited.
    expect(ops(hung).filter(op => op === 'CREATE')).toHaveLength(8)
    const asked = hung.requests.length
    await storage.read('/file', whole)
    await storage.create('/other', [BYTES], LAYOUT)
    expect(hung.requests.length).toBe(asked)
  })

  test('waits longer for a DataNode that is alive, because it may wait for a neighbour', async () => {
    let opens = 0
    const slow = await fake(({ method, op, ...received }, response, request) => {
      if (method === 'OPTIONS') return void response.end()
      opens += 1
      setTimeout(() => sendsBytes({ method, op, ...received }, response, request), 200)
    })
    const nameNode = await fake(sendsTo(() => [slow.address]))
    expect(BYTES.equals(await open(nameNode).read('/file', whole))).toBe(true)
    expect(opens).toBe(1)
  })

  test('takes the answer of a third OPEN where those before it wait for a neighbour', async () => {
    let opens = 0
    const slow = await fake(({ op }, response) => {
      if (op !== 'OPEN') return response.writeHead(200).end()
      opens += 1
      if (opens === 3) response.end(BYTES)
    })
    const nameNode = await fake(sendsTo(() => [slow.address]))
    const storage = openWith({ opensAtOnce: 3, reopenAfterMillis: 20 }, nameNode)
    expect(BYTES.equals(await storage.read('/file', whole))).toBe(true)
    expect(opens).toBe(3)
  })

  test('asks again soon while a DataNode is known to hang: the others have threads that wait for it', async () => {
    const hung = await fake(silence)
    let opens = 0
    const healthy = await fake((received, response, request) => {
      if (received.method === 'OPTIONS') return void response.end()
      opens += 1
      if (opens !== 2) sendsBytes(received, response, request)
    })
    const nameNode = await fake(sendsTo(() => [hung.address, healthy.address]))
    const patient = { opensAtOnce: 2, dataNodeIdleMillis: 600_000, reopenAfterMillis: 600_000 }
    const storage = openWith({ ...patient, reopenWhileImpairedMillis: 20 }, nameNode)
    await storage.read('/file', whole)
    expect(opens).toBe(1)
    expect(BYTES.equals(await storage.read('/file', whole))).toBe(true)
    expect(opens).toBe(3)
  })

  test('asks another DataNode where one that is alive never comes to its answer, and keeps away from it while another will do', async () => {
    let isStuck = true
    const stuck = await fake((received, response, request) => {
      if (received.method === 'OPTIONS') response.end()
      else if (!isStuck) sendsBytes(received, response, request)
    })
    const healthy = await fake(sendsBytes)
    const dataNodes = [stuck.address, healthy.address]
    const nameNode = await fake(sendsTo(() => dataNodes))
    const storage = open(nameNode)
    expect(BYTES.equals(await storage.read('/file', whole))).toBe(true)
    const asked = stuck.requests.length
    await storage.read('/file', whole)
    expect(stuck.requests.length).toBe(asked)
    // It is not lost for what only it has.
    dataNodes.pop()
    isStuck = false
    expect(BYTES.equals(await storage.read('/file', whole))).toBe(true)
  })

  test('asks another DataNode where one falls silent in the middle', async () => {
    const stuck = await fake(({ query }, response) => {
      response.writeHead(200, { 'content-length': query.get('length')! })
      response.write(BYTES.subarray(0, 10))
    })
    const healthy = await fake(sendsBytes)
    const nameNode = await fake(sendsTo(() => [stuck.address, healthy.address]))
    expect(BYTES.equals(await open(nameNode).read('/file', whole))).toBe(true)
  })

  test('reads on block by block, and leaves no DataNode out, where one falls silent between blocks', async () => {
    const waitsForNeighbour = await fake((received, response, request) => {
      if (Number(received.query.get('length')) <= 1024) return sendsBytes(received, response, request)
      response.writeHead(200, { 'content-length': received.query.get('length')! }).write(BYTES.subarray(0, 1024))
    })
    const blocks = () => statusOf(BYTES.length, { blockSize: 1024 })
    const nameNode = await fake(sendsTo(() => [waitsForNeighbour.address], blocks))
    expect(BYTES.equals(await open(nameNode).read('/file', whole))).toBe(true)
    const opens = nameNode.requests.filter(({ op }) => op === 'OPEN').map(({ query }) => query)
    expect(opens.map(query => Number(query.get('offset'))).toSorted((a, b) => a - b)).toEqual([0, 0, 1024, 2048])
    expect(opens.some(query => query.has('excludedatanodes'))).toBe(false)
  })

  test('says DATA_LOST, and what it tried, where every DataNode is gone or hangs', async () => {
    const hung = await fake(silence)
    const dead = await nobody()
    const nameNode = await fake(sendsTo(() => [hung.address, dead.address]))
    const reading = open(nameNode).read('/file', whole)
    await expect(reading).rejects.toMatchObject({ code: 'DATA_LOST' })
    await expect(reading).rejects.toThrow(
      `${hung.address} hangs: it answers nothing at all; ${dead.address} refused the connection`,
    )
  })

  test('gives a DataNode that broke off a second chance where it has the only replica', async () => {
    let opens = 0
    const moody = await fake((received, response, request) => {
      opens += 1
      const handle = opens === 1 ? breaksAfter(10) : sendsBytes
      handle(received, response, request)
    })
    const nameNode = await fake(sendsTo(() => [moody.address]))
    expect(BYTES.equals(await open(nameNode).read('/file', whole))).toBe(true)
  })

  test('excludes a DataNode by its new address where it has come back with another one, as a restarted container does', async () => {
    const restarted = await nobody()
    const healthy = await fake(sendsBytes)
    const today = sendsTo(() => [restarted.address, healthy.address])
    let pages = 0
    const nameNode = await fake((received, response, request) => {
      if (received.op !== '/jmx' || pages++ > 0) return today(received, response, request)
      const node = { infoAddr: restarted.address, xferaddr: '10.9.9.9:1', lastContact: 1, adminState: 'In Service' }
      const LiveNodes = JSON.stringify({ 'data-node:1': { ...node, usedSpace: 1, capacity: 2 } })
      answerJson(response, { beans: [{ SoftwareVersion: '3.4.2', Safemode: '', LiveNodes, DeadNodes: '{}' }] })
    })
    expect(BYTES.equals(await open(nameNode).read('/file', whole))).toBe(true)
    const opens = nameNode.requests.filter(({ op }) => op === 'OPEN')
    expect(opens.map(({ query }) => query.get('excludedatanodes'))).toEqual([
      null,
      '10.9.9.9:1',
      `10.9.9.9:1,${transferAddress(restarted.address)}`,
    ])
    expect(pages).toBe(2)
  })

  test('drops what a DataNode sends beyond the range', async () => {
    const generous = await fake((_, response) => void response.writeHead(200).end(Buffer.concat([BYTES, BYTES])))
    const nameNode = await fake(sendsTo(() => [generous.address]))
    expect(BYTES.equals(await open(nameNode).read('/file', whole))).toBe(true)
  })

  test('ends at once when it is cancelled, whatever it waits for', async () => {
    const hung = await fake(silence)
    const nameNode = await fake(sendsTo(() => [hung.address]))
    const reason = new Error('cancelled')
    for (const storage of [open(nameNode), open(hung)]) {
      const cancel = new AbortController()
      const reading = storage.read('/file', whole, { signal: cancel.signal })
      setImmediate(() => cancel.abort(reason))
      await expect(reading).rejects.toBe(reason)
    }
  })
})

describe('writing', () => {
  const accepts: Handler = (_, response, request) => {
    response.writeContinue()
    request.resume().on('end', () => response.writeHead(201).end())
  }

  test('goes to another DataNode where the first is gone, with the content untouched', async () => {
    const dead = await nobody()
    const healthy = await fake(accepts)
    const nameNode = await fake(sendsTo(() => [dead.address, healthy.address]))
    let started = 0
    function* content() {
      started += 1
      yield BYTES
    }
    await open(nameNode).create('/file', content(), { replication: 2, blockBytes: 1024 })
    expect(started).toBe(1)
    const [create] = healthy.requests
    expect([create?.query.get('replication'), create?.query.get('blocksize')]).toEqual(['2', '1024'])
  })

  test('asks without exclusions where the NameNode has no other DataNode, and says so where that one is gone', async () => {
    const dead = await nobody()
    const nameNode = await fake(sendsTo(() => [dead.address]))
    const writing = open(nameNode).create('/file', [BYTES], LAYOUT)
    await expect(writing).rejects.toThrow(`no DataNode takes "/file": ${dead.address} refused the connection`)
    await expect(writing).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('does not go to another DataNode where the first has the request and hangs: it may yet do it', async () => {
    const hung = await fake(silence)
    const healthy = await fake(accepts)
    const nameNode = await fake(sendsTo(() => [hung.address, healthy.address]))
    let started = false
    function* content() {
      started = true
      yield BYTES
    }
    const storage = open(nameNode)
    await expect(storage.create('/file', content(), LAYOUT)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(started).toBe(false)
    expect(healthy.requests).toEqual([])
    await storage.create('/another name', [BYTES], LAYOUT)
    expect(healthy.requests).toHaveLength(1)
  })

  test('takes no more content than a DataNode takes, and gives up one that takes none', async () => {
    const full = await fake((_, response, request) => {
      response.writeContinue()
      request.pause()
    })
    const nameNode = await fake(sendsTo(() => [full.address]))
    let taken = 0
    function* content() {
      for (;;) {
        taken += 1
        yield noise(256 * 1024)
      }
    }
    await expect(open(nameNode).create('/file', content(), LAYOUT)).rejects.toThrow('did not answer in time')
    // What the two sockets buffer: some megabytes at most.
    expect(taken).toBeLessThan(64)
  })

  test('gives up a DataNode that never says whether the file is written', async () => {
    const mute = await fake((_, response, request) => {
      response.writeContinue()
      request.resume()
    })
    const nameNode = await fake(sendsTo(() => [mute.address]))
    await expect(open(nameNode).create('/file', [BYTES], LAYOUT)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('tells the answer of a DataNode that has had enough before the end, without waiting for more content', async () => {
    const quota = await fake((_, response, request) => {
      response.writeContinue()
      request.once('data', () =>
        answerException(response, 'DSQuotaExceededException', 'The DiskSpace quota is exceeded'),
      )
    })
    const nameNode = await fake(sendsTo(() => [quota.address]))
    async function* content() {
      yield BYTES
      await new Promise(() => {})
    }
    await expect(open(nameNode).create('/file', content(), LAYOUT)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('no room for "/file"') as string,
      hint: expect.any(String) as string,
    })
  })

  test('is worth another try where the file was removed under the DataNode that writes it', async () => {
    const late = await fake((_, response, request) => {
      response.writeContinue()
      const message = 'File does not exist: /file (inode 7) Holder DFSClient_1 does not have any open files.'
      request.resume().on('end', () => answerException(response, 'FileNotFoundException', message, 404))
    })
    const nameNode = await fake(sendsTo(() => [late.address]))
    await expect(open(nameNode).create('/file', [BYTES], LAYOUT)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('"/file" was removed while it was being written') as string,
    })
  })

  test('is told as interrupted where the DataNode breaks off in the middle', async () => {
    const breaking = await fake((_, response, request) => {
      response.writeContinue()
      request.once('data', () => request.socket.destroy())
    })
    const nameNode = await fake(sendsTo(() => [breaking.address]))
    await expect(open(nameNode).create('/file', [BYTES], LAYOUT)).rejects.toThrow(
      `writing "/file" was interrupted: ${breaking.address} broke the connection`,
    )
  })
})
