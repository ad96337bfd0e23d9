import { DatabaseSync } from 'node:sqlite'
import { type MersenneTwister, mersenneTwister } from './mersenneTwister.ts'

/** Normally distributed numbers as CPython's `random.gauss` draws them, bit for bit. */
export interface Gauss {
  /** The next two values of random.gauss(mean, deviation): it keeps the second of each pair for the call that follows. */
  pair(mean: number, deviation: number): [number, number]
  /** Passes over so many pairs. */
  skip(pairs: number): void
  close(): void
}

const CALLS_PER_PAIR = 2

/** As after `random.seed(seed)`. */
export function gauss(seed: number): Gauss {
  const generator: MersenneTwister = mersenneTwister(seed)
  const functions = mathFunctions()
  return {
    pair(mean, deviation) {
      const angle = generator.random() * (2 * Math.PI)
      const [cosine, sine, logarithm] = functions.of(angle, 1 - generator.random())
      const radius = Math.sqrt(-2 * logarithm)
      return [mean + cosine * radius * deviation, mean + sine * radius * deviation]
    },
    skip: pairs => generator.skip(pairs * CALLS_PER_PAIR),
    close: () => functions.close(),
  }
}

/**
 * The C library's cos, sin and log, which are CPython's too. Those of JavaScript's Math come from another library, whose last bit
 * differs in one of twenty values; SQLite hands out the C library's, in less than a microsecond for the three.
 */
function mathFunctions() {
  const database = new DatabaseSync(':memory:')
  const statement = database.prepare('SELECT cos(?1), sin(?1), ln(?2)')
  statement.setReturnArrays(true)
  return {
    of: (angle: number, value: number) => statement.get(angle, value) as unknown as [number, number, number],
    close: () => database.close(),
  }
}
