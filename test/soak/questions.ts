import { COUNTIES, type Figures } from '../setup/wisconsinLoans.ts'
import type { Random } from './random.ts'

/** A GraphQL operation, and what is wrong with an answer to it. */
export interface Question {
  kind: string
  query: string
  /** What is wrong with the fields that the answer has; undefined where all is right. A null stands for a field with an error of its own. */
  problem(data: Data, allowed: readonly Figures[]): string | undefined
  /** The code of the error that the answer must have. */
  expectedCode?: string
}

export type Data = Readonly<Record<string, unknown>>

interface Average {
  countyCode: number
  averageLoan: number
  loans: number
  source: string
}

const FIELDS = '{ countyCode averageLoan loans source }'

/** Kinds by how often they are asked. */
const KINDS: readonly [weight: number, make: (random: Random) => Question][] = [
  [60, random => averages('one county', [random.oneOf(COUNTIES)])],
  [
    12,
    random =>
      averages(
        'three counties',
        [1, 2, 3].map(() => random.oneOf(COUNTIES)),
      ),
  ],
  [1, () => averages('all counties', COUNTIES)],
  [
    8,
    () =>
      simple('block locations', '{ blockLocations(path: "/hdma-wi-2021.parquet") { length blocks { dataNodes } } }'),
  ],
  [5, () => simple('counties', '{ counties { code name } }')],
  [3, () => simple('systems', '{ systems { role reachable detail } }')],
  [3, () => simple('data nodes', '{ dataNodes { name state lastContact } }')],
  [3, () => simple('jobs', '{ jobs(first: 5) { id state message } }')],
  [2, random => simple('drop partitions', `mutation { dropPartitions(countyCodes: [${random.oneOf(COUNTIES)}]) }`)],
  [2, () => refused('unknown county', '{ averageLoan(countyCode: 55999) { averageLoan } }', 'NOT_FOUND')],
  [1, () => refused('bad path', '{ blockLocations(path: "no/slash") { length } }', 'BAD_USER_INPUT')],
]
const TOTAL_WEIGHT = KINDS.reduce((sum, [weight]) => sum + weight, 0)

export function anyQuestion(random: Random): Question {
  let at = random.next() * TOTAL_WEIGHT
  for (const [weight, make] of KINDS) {
    if (at < weight) return make(random)
    at -= weight
  }
  return KINDS[0]![1](random)
}

function averages(kind: string, counties: readonly number[]): Question {
  const fields = counties.map((county, index) => `c${index}: averageLoan(countyCode: ${county}) ${FIELDS}`)
  return {
    kind,
    query: `{ ${fields.join(' ')} }`,
    problem(data, allowed) {
      const wrong = counties.filter((county, index) => {
        const average = data[`c${index}`] as Average | null
        return average !== null && !isRight(county, average, allowed)
      })
      return wrong.length === 0 ? undefined : `wrong averages of ${wrong.join(', ')}: ${JSON.stringify(data)}`
    },
  }
}

function isRight(county: number, answer: Average, allowed: readonly Figures[]): boolean {
  return allowed.some(figures => {
    const [average, loans] = figures.get(county)!
    return answer.countyCode === county && answer.averageLoan === average && answer.loans === loans
  })
}

function simple(kind: string, query: string): Question {
  return { kind, query, problem: () => undefined }
}

function refused(kind: string, query: string, expectedCode: string): Question {
  return { kind, query, expectedCode, problem: () => undefined }
}
