/**
 * What fields count towards the cost of an operation (MILLRACE_MAX_COST). A field that reads from memory costs 1, which is the default
 * and stands nowhere; the ones below cost requests to another system, or come many times.
 */

interface Selection {
  /** Cost of one item's own selection. */
  childComplexity: number
}

/** A county average: a partition read, or a share of a pass over the main file. */
export const averageCost = ({ childComplexity }: Selection): number => 10 + childComplexity

/** A question to the source, the storage or both. */
export const systemCost = ({ childComplexity }: Selection): number => 5 + childComplexity

/** A mutation: it starts or stops long work. */
export const mutationCost = ({ childComplexity }: Selection): number => 50 + childComplexity

/** A list that usually has this many items. */
export const listCost =
  (expectedItems: number) =>
  ({ childComplexity }: Selection): number =>
    5 + expectedItems * childComplexity

/** A page of `rows` plain rows: they come from memory together, so that ten count as one. */
export const pageCost = (rows: number, childComplexity: number): number => 10 + Math.ceil((rows * childComplexity) / 10)
