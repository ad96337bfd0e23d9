import { join } from 'node:path'
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeReport, encodeReport, type Report } from '../../src/weather/report.ts'

/** Another program's view of the same file. */
const definitions = loadSync(join(import.meta.dirname, '../../schema/report.proto'), { keepCase: true, defaults: true })
const Wire = definitions.Report as unknown as MessageTypeDefinition<WireReport, WireReport>

interface WireReport {
  date: string
  degrees: number
  station_id: string
}

const toOurs = ({ date, degrees, station_id }: WireReport): Report => ({ date, degrees, stationId: station_id })
const toWire = ({ date, degrees, stationId }: Report): WireReport => ({ date, degrees, station_id: stationId })

const FIRST: Report = { stationId: 'StationA', date: '2000-01-01', degrees: 23.851454295532143 }

const anyReport: fc.Arbitrary<Report> = fc.record({
  stationId: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }),
  date: fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map(date => date.toISOString().slice(0, 10)),
  degrees: fc.double({ noNaN: true, noDefaultInfinity: true }),
})

test('schema/report.proto is what is read and written', () => {
  expect(Wire.type).toMatchObject({
    name: 'Report',
    field: [
      { name: 'date', number: 1, type: 'TYPE_STRING' },
      { name: 'degrees', number: 2, type: 'TYPE_DOUBLE' },
      { name: 'station_id', number: 3, type: 'TYPE_STRING' },
    ],
  })
})

test('any Report is read as it was written, by this program and by another', () => {
  fc.assert(
    fc.property(anyReport, report => {
      const bytes = encodeReport(report)
      expect(decodeReport(bytes)).toEqual(report)
      expect(toOurs(Wire.deserialize(Buffer.from(bytes)))).toEqual(report)
      expect(decodeReport(Wire.serialize(toWire(report)))).toEqual(report)
    }),
  )
})

test('no degrees are 0 degrees', () => {
  const bytes = encodeReport({ ...FIRST, degrees: 0 })
  expect(bytes.length).toBe(encodeReport(FIRST).length - 9)
  expect(decodeReport(bytes)).toEqual({ ...FIRST, degrees: 0 })
})

test('fields that a later version may have are passed over', () => {
  const later = Buffer.concat([Buffer.from([0x20, 0x96, 0x01]), encodeReport(FIRST), Buffer.from([0x2a, 1, 0x78])])
  expect(decodeReport(later)).toEqual(FIRST)
})

const withDate = (date: string) => encodeReport({ ...FIRST, date })
const withDegrees = (degrees: number) => encodeReport({ ...FIRST, degrees })

test.each<[string, Uint8Array | null, RegExp]>([
  ['no value', null, /no value/],
  ['no bytes', new Uint8Array(), /station_id is missing/],
  ['no station', encodeReport({ ...FIRST, stationId: '' }), /station_id is missing/],
  ['no date', withDate(''), /date is missing/],
  ['a date with a time', withDate('2000-01-01 00:00'), /date is "2000-01-01 00:00"/],
  ['a day that no calendar has', withDate('2001-02-29'), /date is "2001-02-29"/],
  ['a month that no calendar has', withDate('2001-13-01'), /date is "2001-13-01"/],
  ['a date of words', withDate('first of M'), /date is "first of M"/],
  ['degrees that are no number', withDegrees(Number.NaN), /degrees are NaN/],
  ['degrees without end', withDegrees(Number.NEGATIVE_INFINITY), /degrees are -Infinity/],
  ['a date as a number', Buffer.from([0x08, 5]), /field date has another type/],
  ['degrees as a text', Buffer.from([0x12, 1, 0x35]), /field degrees has another type/],
  ['degrees as a float', Buffer.from([0x15, 0, 0, 0, 0]), /field degrees has another type/],
  ['a station as a number', Buffer.from([0x18, 5]), /field station_id has another type/],
  ['a station that is not UTF-8', Buffer.from([0x1a, 2, 0xc3, 0x28]), /no Report/],
  ['a length beyond the end', Buffer.from([0x1a, 200, 1, 0x41]), /no Report/],
  ['JSON', Buffer.from('{"station_id":"StationA","date":"2000-01-01","degrees":1}'), /./],
])('%s is told from a Report', (_, value, problem) => {
  expect(decodeReport(value)).toEqual({ problem: expect.stringMatching(problem) })
})

test('a Report that was cut off anywhere is no Report', () => {
  const whole = encodeReport(FIRST)
  for (let length = 0; length < whole.length; length++) {
    expect(decodeReport(whole.subarray(0, length))).toEqual({ problem: expect.any(String) })
  }
})

test('any bytes are a Report that a table can hold, or a problem', () => {
  const changed = fc.tuple(anyReport, fc.nat(), fc.nat(255)).map(([report, place, byte]) => {
    const bytes = encodeReport(report)
    bytes[place % bytes.length] = byte
    return bytes
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), changed), bytes => {
      const decoded = decodeReport(bytes)
      if ('problem' in decoded) return
      expect(decoded.stationId).not.toBe('')
      expect(new Date(`${decoded.date}T00:00:00Z`).toISOString().slice(0, 10)).toBe(decoded.date)
      expect(decoded.degrees).toSatisfy(Number.isFinite)
    }),
    { numRuns: 2_000 },
  )
})
