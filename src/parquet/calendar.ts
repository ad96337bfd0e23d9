/** Days since 1970-01-01 in the proleptic Gregorian calendar; null for what is no date of it ("0000-00-00", "infinity"). */
export function daysOf(date: string): number | null {
  const match = /^(-?\d{4,6})-(\d\d)-(\d\d)/.exec(date)
  if (!match) return null
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return null
  // Years begin in March here, so that the leap day is the last of its year.
  const marchYear = month > 2 ? year : year - 1
  const era = Math.floor(marchYear / 400)
  const yearOfEra = marchYear - era * 400
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

/** Microseconds since 1970-01-01 00:00:00 of "YYYY-MM-DD hh:mm:ss[.ffffff]"; null for what is no instant of the calendar. */
export function microsOf(timestamp: string): bigint | null {
  const days = daysOf(timestamp)
  const match = /[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?$/.exec(timestamp)
  if (days === null || !match) return null
  const seconds = Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])
  const micros = Number((match[4] ?? '').padEnd(6, '0'))
  return (BigInt(days) * 86_400n + BigInt(seconds)) * 1_000_000n + BigInt(micros)
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
}
