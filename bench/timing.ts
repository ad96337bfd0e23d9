/** Milliseconds that a piece of work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

/** One measurement after the other. */
export async function repeated(times: number, measure: () => Promise<number>): Promise<number[]> {
  const results: number[] = []
  for (let time = 0; time < times; time++) results.push(await measure())
  return results
}
