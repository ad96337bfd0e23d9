import { expect, test } from 'vitest'
import { ALL_LINK_CASES, pairsOf, someLinks } from './linkCases.ts'
import { faultsPage } from './page.ts'
import type { Outcome } from './report.ts'
import { ALL_STEP_CASES, someSteps } from './stepCases.ts'

const outcomes: Outcome[] = [
  { table: 'links', row: 'NameNode: silence, to it', column: 'migrate', result: 'UNAVAILABLE', seconds: 10.04 },
  { table: 'links', row: 'NameNode: silence, to it', column: 'reuse', result: 'right', seconds: 0.1 },
  { table: 'links', row: 'MySQL: latency, to it', column: 'migrate', result: 'right', seconds: 2 },
  { table: 'steps', row: 'migration: before the first row', column: 'MySQL killed', result: 'right', seconds: 3 },
]

test('the page has a row for what was disturbed, a column for what was asked, and the longest time', () => {
  const page = faultsPage(outcomes, 4)
  expect(page).toContain('|  | migrate | reuse |\n| --- | --- | --- |\n')
  expect(page).toContain('| NameNode: silence, to it | UNAVAILABLE 10.0 | right 0.1 |')
  expect(page).toContain('| MySQL: latency, to it | right 2.0 | - |')
  expect(page).toContain('4 cases, 3 of them with the right answer. The longest took 10.0 s (NameNode: silence')
  expect(faultsPage(outcomes, 9)).toContain('4 of 9 cases (the others were not run), 3 of them')
  expect(page).toContain('The longest: 3.0 s (migration: before the first row, MySQL killed: right).')
})

test('the few cases of npm test are some of all, with each link, fault, operation and direction', () => {
  const pairs = (cases: typeof ALL_LINK_CASES) => new Set(cases.flatMap(pairsOf))
  const few = someLinks(ALL_LINK_CASES)
  expect(ALL_LINK_CASES).toEqual(expect.arrayContaining(few))
  expect(few.length).toBeLessThan(ALL_LINK_CASES.length / 8)
  expect(pairs(few)).toEqual(pairs(ALL_LINK_CASES))
})

test('the few steps of npm test have each system, action and work', () => {
  const few = someSteps(ALL_STEP_CASES)
  const kinds = (cases: typeof ALL_STEP_CASES) =>
    new Set(cases.map(({ system, action, work }) => system + action + work))
  expect(kinds(few)).toEqual(kinds(ALL_STEP_CASES))
  expect(few).toHaveLength(kinds(few).size)
})
