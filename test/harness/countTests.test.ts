import { expect, test } from 'vitest'
import { countTests, type Report } from '../setup/countTests.ts'

const PASSED = { status: 'passed', assertionResults: [{ status: 'passed' }] }
const EMPTY: Report = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] }

test('passed and failed tests are counted', () => {
  const broken = { status: 'failed', assertionResults: [{ status: 'failed' }, { status: 'passed' }] }
  const report = { ...EMPTY, numPassedTests: 2, numFailedTests: 1, testResults: [PASSED, broken] }
  expect(countTests(report, true)).toEqual({ passed: 2, failed: 1 })
})

test('a file that cannot be loaded counts as one failure', () => {
  const report = { ...EMPTY, testResults: [{ status: 'failed', assertionResults: [] }] }
  expect(countTests(report, false)).toEqual({ passed: 0, failed: 1 })
})

test('skipped tests and those still to be written fail continuous integration only', () => {
  const report = { ...EMPTY, numPassedTests: 1, numPendingTests: 2, numTodoTests: 1, testResults: [PASSED] }
  expect(countTests(report, false)).toEqual({ passed: 1, failed: 0 })
  expect(countTests(report, true)).toEqual({ passed: 1, failed: 3 })
})
