import { type Random, randomSql, text } from '../../randomSql.ts'
import { FIRST_NAMES, LAST_NAMES, OCCUPATIONS, REGIONS } from './places.ts'

/** Ids of one generation of citizens lie below those of the next by this many. */
export const MOST_CITIZENS = 10_000_000
/** Days since 1970 on which the first generation is alive: 2000-01-01. */
const FIRST_DAY = 10_957
const YEAR = '365.25'

/**
 * A SELECT of the rows of citizens_data.csv as they are on `day` (days since 1970). Everything about a citizen follows from the id and
 * the day alone, so any day can be made by itself.
 *
 * There are `rows` places. Each holds one citizen at a time, who leaves after a life of 250 to 1,450 days and whom the next one follows, so
 * that a day has as many rows as any other. Meanwhile home, job and marital status change after periods of the citizen's own.
 */
export function citizensSelect(rows: number, day: number, seed: number): string {
  const place = randomSql(seed, 'place')
  const citizen = randomSql(seed, 'citizen_id')
  const home = randomSql(seed, 'home')
  const job = randomSql(seed, 'job')
  const status = randomSql(seed, 'status')
  return `
    WITH places AS (
      SELECT range AS place, ${place.between('life', 250, 1_450)} AS life, ${place.draw('phase', 1_450)} % life AS phase
      FROM range(${rows})
    ), citizens AS (
      SELECT (${day - FIRST_DAY} + phase) // life AS generation,
        CAST(generation * ${MOST_CITIZENS} + place + 1 AS BIGINT) AS citizen_id,
        ${FIRST_DAY} + generation * life - phase AS since
      FROM places
    ), changes AS (
      SELECT citizen_id, since, since - CAST(${citizen.draw('age', 33_000)} AS INTEGER) AS born,
        ${changing('home', citizen, 300, 1_500, day)},
        ${changing('job', citizen, 200, 1_200, day)},
        ${changing('status', citizen, 400, 2_400, day)}
      FROM citizens
    ), states AS (
      SELECT *, ${home.draw('region', REGIONS.length)} AS region_index,
        CASE WHEN job_since - born < 19 * ${YEAR} THEN 0 WHEN job_since - born > 67 * ${YEAR} THEN 1
          ELSE ${job.between('occupation', 2, OCCUPATIONS.length - 1)} END AS occupation_index
      FROM changes
    )
    SELECT citizen_id,
      ${fullName(citizen)} AS full_name,
      ${citizen.pick('gender', [
        [49, "'female'"],
        [49, "'male'"],
        [2, "'other'"],
      ])} AS gender,
      ${dateOf('born')} AS birth_date,
      CASE WHEN status_since - born < 18 * ${YEAR} THEN 'single' ELSE ${status.pick('status', [
        [35, "'single'"],
        [45, "'married'"],
        [13, "'divorced'"],
        [7, "'widowed'"],
      ])} END AS marital_status,
      ${itemOf(REGIONS.map(({ region }) => region))}[1 + region_index] AS region,
      ${itemOf(REGIONS.flatMap(({ cities }) => cities))}[1 + 4 * region_index + ${home.draw('city', 4)}] AS city,
      ${itemOf(OCCUPATIONS.map(({ occupation }) => occupation))}[1 + occupation_index] AS occupation,
      CASE WHEN occupation_index = 0 AND ${job.chance('unpaid', 600)} OR ${job.chance('unknown', 30)} THEN NULL
        ELSE CAST([${OCCUPATIONS.map(({ income }) => income).join(', ')}][1 + occupation_index]
          * ${job.between('income', 6_000, 17_000)} / 10000 AS DECIMAL(12, 2)) END AS annual_income,
      ${instantOf('since', citizen.draw('hour', 86_400))} AS registered_at,
      ${instantOf(
        'greatest(since, home_since, job_since, status_since)',
        `CASE WHEN greatest(since, home_since, job_since, status_since) = since THEN ${citizen.draw('hour', 86_400)}
           ELSE ${citizen.draw('later hour', 86_400)} END`,
      )} AS updated_at
    FROM states`
}

/** `<what>` is another number after each period of the citizen's own, and `<what>_since` the day on which it became so. */
function changing(what: string, citizen: Random, shortest: number, longest: number, day: number): string {
  const period = citizen.between(`${what} period`, shortest, longest)
  const phase = `(${citizen.draw(`${what} phase`, longest)} % ${period})`
  const count = `((${day} - since + ${phase}) // ${period})`
  return `${citizen.draw(what, 2 ** 30)} + ${count} AS ${what},
        greatest(since, since - ${phase} + ${count} * ${period}) AS ${what}_since`
}

/** Some have what a careless reader of CSV stumbles over: commas, quotes, line breaks. */
function fullName(citizen: Random): string {
  const first = `${itemOf(FIRST_NAMES)}[1 + ${citizen.draw('first', FIRST_NAMES.length)}]`
  const last = `${itemOf(LAST_NAMES)}[1 + ${citizen.draw('last', LAST_NAMES.length)}]`
  return `CASE
        WHEN ${citizen.chance('comma', 20)} THEN ${last} || ', ' || ${first}
        WHEN ${citizen.chance('quotes', 10)} THEN ${first} || ' "' || left(${first}, 2) || '" ' || ${last}
        WHEN ${citizen.chance('line break', 5)} THEN ${first} || chr(10) || ${last}
        WHEN ${citizen.chance('emoji', 2)} THEN ${first} || ' ' || ${last} || ' 🎓'
        ELSE ${first} || ' ' || ${last} END`
}

function itemOf(items: readonly string[]): string {
  return `[${items.map(text).join(', ')}]`
}

function dateOf(day: string): string {
  return `CAST(DATE '1970-01-01' + CAST(${day} AS INTEGER) AS DATE)`
}

function instantOf(day: string, seconds: string): string {
  return `strftime(${dateOf(day)} + to_seconds(${seconds}), '%Y-%m-%d %H:%M:%S')`
}
