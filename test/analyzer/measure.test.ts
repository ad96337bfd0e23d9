import { afterEach, beforeEach, expect, test } from 'vitest'
import { measureAverages, type Outage } from '../../src/analyzer/measure.ts'
import { type Client, createClient } from '../../src/client/client.ts'
import { startTestApp, type TestApp } from '../api/testApp.ts'

const signal = new AbortController().signal
const onProgress = () => {}

let server: TestApp
let client: Client
beforeEach(async () => {
  server = await startTestApp()
  client = createClient(server.url)
})
afterEach(async () => {
  await client.close()
  await server.close()
})

test('each county is created and reused in each repeat, after a round that does not count', async () => {
  const progress: string[] = []
  const measurements = await measureAverages(client, {
    counties: [55025, 55001],
    repeats: 2,
    outages: [],
    signal,
    onProgress: (done, total) => progress.push(`${done}/${total}`),
  })
  expect(measurements.map(({ operation, county, repeat }) => `${repeat} ${operation} ${county}`)).toEqual([
    '1 create 55025',
    '1 create 55001',
    '1 reuse 55025',
    '1 reuse 55001',
    '2 create 55025',
    '2 create 55001',
    '2 reuse 55025',
    '2 reuse 55001',
  ])
  for (const { millis } of measurements) expect(millis).toBeGreaterThan(0)
  expect(server.loans.asked).toHaveLength(12)
  expect(progress.at(-1)).toBe('12/12')
})

test('during an outage only what was recreated counts, and it ends before the next one begins', async () => {
  const log: string[] = []
  const outage = (name: string, lost: number[]): Outage => ({
    name,
    begin: async () => {
      log.push(`${name} down`)
      for (const county of lost) server.loans.lost.add(county)
    },
    end: async () => void log.push(`${name} up`),
  })
  const measurements = await measureAverages(client, {
    counties: [55001, 55025],
    repeats: 1,
    outages: [outage('node-1', [55025]), outage('node-2', [])],
    signal,
    onProgress,
  })
  expect(log).toEqual(['node-1 down', 'node-1 up', 'node-2 down', 'node-2 up'])
  expect(measurements.filter(({ operation }) => operation === 'recreate').map(({ county }) => county)).toEqual([55025])
  expect(measurements).toHaveLength(5)
})

test('an outage ends also where a question fails or the user stops', async () => {
  const stop = new AbortController()
  let up = true
  const outage: Outage = {
    name: 'node-1',
    begin: async () => {
      up = false
      stop.abort(new Error('stopped by the user'))
      throw new Error('ended by the same Ctrl-C')
    },
    end: async () => {
      up = true
    },
  }
  const options = { counties: [55001], repeats: 1, outages: [outage], signal: stop.signal, onProgress }
  await expect(measureAverages(client, options)).rejects.toThrow('stopped by the user')
  expect(up).toBe(true)
})

test('a county without loans is an error before anything is measured', async () => {
  const options = { counties: [55003], repeats: 3, outages: [], signal, onProgress }
  await expect(measureAverages(client, options)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  expect(server.loans.asked).toEqual([[55003]])
})
