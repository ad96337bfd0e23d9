import { MillraceError } from '../errors.ts'

/** How many items of a list to answer with. BAD_USER_INPUT where it is not from 1 to `most`; `hint` says how to do with fewer. */
export function checkFirst(first: number, most: number, hint: string): number {
  if (first >= 1 && first <= most) return first
  throw new MillraceError('BAD_USER_INPUT', `Expected "first" from 1 to ${most}, but got ${first}.`, { hint })
}
