import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { daysOf } from '../parquet/calendar.ts'

/** The message of schema/report.proto; a test compares what is written here with that file. */
export interface Report {
  stationId: string
  /** YYYY-MM-DD. */
  date: string
  degrees: number
}

/** Why a record is no Report, in half a sentence: "the date is missing". */
export interface Undecodable {
  problem: string
}

const DATE = 1
const DEGREES = 2
const STATION_ID = 3
/** Groups within groups, of a field that this program does not know. */
const DEEPEST_GROUP = 10

/** A Report as bytes. Fields of the default value, 0 degrees for example, are left out, as proto3 has it. */
export function encodeReport({ date, degrees, stationId }: Report): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter()
  if (date !== '') writer.tag(DATE, WireType.LengthDelimited).string(date)
  if (degrees !== 0 || Object.is(degrees, -0)) writer.tag(DEGREES, WireType.Bit64).double(degrees)
  if (stationId !== '') writer.tag(STATION_ID, WireType.LengthDelimited).string(stationId)
  return writer.finish()
}

/**
 * The Report in a record's value, or why there is none. Never throws, and never gives a row that a table of temperatures could
 * not hold: the station has a name, the date is a day of the calendar written YYYY-MM-DD, the degrees are a finite number (0
 * where the field is left out). Fields that this program does not know are skipped, as proto3 has it.
 *
 * Four million a CPU-second: it reads the wire itself, because a reader made from a description takes a field of the
 * wrong type as it comes.
 */
export function decodeReport(value: Uint8Array | null): Report | Undecodable {
  if (value === null) return { problem: 'there is no value' }
  let date = ''
  let degrees = 0
  let stationId = ''
  try {
    const reader = new BinaryReader(value)
    while (reader.pos < value.length) {
      const [field, wireType] = reader.tag()
      if (field === DATE) {
        if (wireType !== WireType.LengthDelimited) return wrongType('date')
        date = reader.string(true)
      } else if (field === DEGREES) {
        if (wireType !== WireType.Bit64) return wrongType('degrees')
        degrees = reader.double()
      } else if (field === STATION_ID) {
        if (wireType !== WireType.LengthDelimited) return wrongType('station_id')
        stationId = reader.string(true)
      } else {
        reader.skip(wireType, field, DEEPEST_GROUP)
      }
    }
  } catch (error) {
    return { problem: `the bytes are no Report: ${error instanceof Error ? error.message : String(error)}` }
  }
  if (stationId === '') return { problem: 'the station_id is missing' }
  if (date === '') return { problem: 'the date is missing' }
  if (!isDay(date)) return { problem: `the date is ${JSON.stringify(date.slice(0, 40))}, not a day as YYYY-MM-DD` }
  if (!Number.isFinite(degrees)) return { problem: `the degrees are ${degrees}` }
  return { stationId, date, degrees }
}

function wrongType(field: string): Undecodable {
  return { problem: `the field ${field} has another type than in a Report` }
}

/** Rows come day by day: most dates are the one before. */
let knownDay = ''

function isDay(date: string): boolean {
  if (date === knownDay) return true
  if (date.length !== 'YYYY-MM-DD'.length || daysOf(date) === null) return false
  knownDay = date
  return true
}
