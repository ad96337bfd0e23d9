import { codeOf, MillraceError } from '../../src/errors.ts'

/** How much later than its deadline an answer may come. */
const GRACE_SECONDS = 1

/** Runs what may end with a typed error, which is returned; fails the test where it ends in another way, or too late. */
export async function answerWithin(
  deadlineSeconds: number,
  run: () => Promise<void>,
): Promise<{ error: MillraceError | undefined; seconds: number }> {
  const startedAt = performance.now()
  const late = Promise.withResolvers<never>()
  const limitMillis = (deadlineSeconds + GRACE_SECONDS) * 1000
  const timer = setTimeout(
    () => late.reject(new Error(`expected an answer within ${deadlineSeconds} s and ${GRACE_SECONDS} s, got none`)),
    limitMillis,
  )
  let error: MillraceError | undefined
  try {
    await Promise.race([run(), late.promise])
  } catch (thrown) {
    if (!(thrown instanceof MillraceError) || codeOf(thrown) === 'INTERNAL') throw thrown
    error = thrown
  } finally {
    clearTimeout(timer)
  }
  return { error, seconds: Math.round((performance.now() - startedAt) / 100) / 10 }
}
