import { asError } from '../errors.ts'
import type { CountyAverage } from './loans.ts'

/** What one county's question came to, and by which migration; undefined where it did not come to look. */
export interface DatedAnswer {
  dataset: string | undefined
  result: CountyAverage | Error
}

export interface SharedAnswersOptions {
  /** In the order of the counties; never rejects. */
  answerAll: (counties: readonly number[]) => Promise<DatedAnswer[]>
  /** The migration that is current now. */
  datasetNow: () => Promise<string>
}

/**
 * A county that is asked for again while it is being answered gets the same answer, so that its partition is made once; but never one of a migration that
 * was over when the question came: who has seen a migration succeed sees its figures.
 */
export function sharedAnswers({ answerAll, datasetNow }: SharedAnswersOptions) {
  const underWay = new Map<number, Promise<DatedAnswer>>()

  return async function answersOf(counties: readonly number[]): Promise<(CountyAverage | Error)[]> {
    const wanted = [...new Set(counties)]
    const joined = wanted.filter(county => underWay.has(county))
    begin(wanted.filter(county => !underWay.has(county)))
    // Beside the answers that are joined, which began earlier.
    const look = joined.length > 0 ? datasetNow().catch(asError) : undefined
    const waiting = wanted.map(async county => [county, await underWay.get(county)!] as const)
    const dated = new Map(await Promise.all(waiting))
    const results = new Map([...dated].map(([county, { result }]) => [county, result]))
    const current = await look
    if (current instanceof Error) for (const county of joined) results.set(county, current)
    else {
      const isOutdated = (county: number) => ![undefined, current].includes(dated.get(county)!.dataset)
      const outdated = joined.filter(isOutdated)
      if (outdated.length > 0) {
        const again = await answersOf(outdated)
        for (const [index, county] of outdated.entries()) results.set(county, again[index]!)
      }
    }
    return counties.map(county => results.get(county)!)
  }

  function begin(counties: readonly number[]): void {
    if (counties.length === 0) return
    const answers = answerAll(counties)
    for (const [index, county] of counties.entries()) {
      underWay.set(
        county,
        answers.then(all => all[index]!).finally(() => underWay.delete(county)),
      )
    }
  }
}
