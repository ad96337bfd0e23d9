import { z } from 'zod'
import { MillraceError } from '../errors.ts'

/** One variable of the environment. */
export interface Setting<Value> {
  description: string
  /** Taken where the variable is unset or empty; written as a user would write it. */
  fallback: string
  /** A variable of the original that is honoured too, and wins. */
  override?: string
  /** Never shown, not even where it is wrong. */
  secret?: boolean
  expected: string
  schema: z.ZodType<Value, string>
}

export const setting = <Value>(definition: Setting<Value>): Setting<Value> => definition

export const wholeNumber = (least: number, most: number) => ({
  expected: `a whole number from ${least} to ${most}`,
  schema: z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most)),
})

export const seconds = (least: number, most: number) => ({
  expected: `seconds from ${least} to ${most}, such as 0.5`,
  schema: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,9})?$/)
    .transform(Number)
    .pipe(z.number().min(least).max(most)),
})

export const COPIES = wholeNumber(1, 100)

export const trueOrFalse = { expected: 'true or false', schema: z.stringbool() }

/** Turns what a parser throws into zod's kind of problem; the empty text is "unset". */
export function parsed<Value>(parse: (text: string) => Value) {
  return (text: string, context: z.core.$RefinementCtx<string>): Value | undefined => {
    if (text === '') return undefined
    try {
      return parse(text)
    } catch (error) {
      const reason = error instanceof MillraceError
      context.addIssue({ code: 'custom', message: reason ? error.message : '', params: { reason } })
      return z.NEVER
    }
  }
}
