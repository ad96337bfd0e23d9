/** The part of vitest's JSON report that is counted. */
export interface Report {
  numPassedTests: number
  numFailedTests: number
  /** Skipped, by us or because a hook failed. */
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: { status: string }[] }[]
}

/** A test that did not run counts as failed where `skippedFail`, as in continuous integration; else not at all. */
export function countTests(report: Report, skippedFail: boolean): { passed: number; failed: number } {
  // A file that could not be loaded, or whose hook failed, has failed without any test having failed.
  const failedFiles = report.testResults.filter(
    file => file.status === 'failed' && file.assertionResults.every(test => test.status !== 'failed'),
  )
  const skipped = skippedFail ? report.numPendingTests + report.numTodoTests : 0
  return { passed: report.numPassedTests, failed: report.numFailedTests + failedFiles.length + skipped }
}
