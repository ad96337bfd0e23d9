/** Pseudo-random numbers as CPython's `random.Random` draws them. */
export interface MersenneTwister {
  /** As random(): 53 random bits, from 0 to below 1. */
  random(): number
  /** Passes over so many calls of random(). */
  skip(calls: number): void
}

const WORDS = 624
const SHIFT = 397
const WORDS_PER_CALL = 2

/** MT19937 in the state that CPython's `random.seed(seed)` puts it; `seed` is a whole number from 0 to 2^32 - 1. */
export function mersenneTwister(seed: number): MersenneTwister {
  const state = seededState(seed)
  let used = WORDS

  function renew(): void {
    for (let index = 0; index < WORDS; index++) {
      const joined = (state[index]! & 0x80000000) | (state[(index + 1) % WORDS]! & 0x7fffffff)
      state[index] = state[(index + SHIFT) % WORDS]! ^ (joined >>> 1) ^ (joined & 1 ? 0x9908b0df : 0)
    }
    used = 0
  }

  function word(): number {
    if (used === WORDS) renew()
    let bits = state[used++]!
    bits ^= bits >>> 11
    bits ^= (bits << 7) & 0x9d2c5680
    bits ^= (bits << 15) & 0xefc60000
    return (bits ^ (bits >>> 18)) >>> 0
  }

  return {
    random() {
      const high = word() >>> 5
      const low = word() >>> 6
      return (high * 2 ** 26 + low) / 2 ** 53
    },
    skip(calls) {
      let words = calls * WORDS_PER_CALL
      while (words > WORDS - used) {
        words -= WORDS - used
        renew()
      }
      used += words
    },
  }
}

/** CPython seeds from an array of 32-bit words, which a small number fills with one. */
function seededState(seed: number): Uint32Array {
  const state = new Uint32Array(WORDS)
  state[0] = 19_650_218
  for (let index = 1; index < WORDS; index++) state[index] = Math.imul(1_812_433_253, shifted(state, index)) + index
  let at = 1
  const next = () => {
    at += 1
    if (at < WORDS) return
    state[0] = state[WORDS - 1]!
    at = 1
  }
  for (let round = 0; round < WORDS; round++, next()) {
    state[at] = (state[at]! ^ Math.imul(shifted(state, at), 1_664_525)) + seed
  }
  for (let round = 1; round < WORDS; round++, next()) {
    state[at] = (state[at]! ^ Math.imul(shifted(state, at), 1_566_083_941)) - at
  }
  state[0] = 0x80000000
  return state
}

function shifted(state: Uint32Array, index: number): number {
  const before = state[index - 1]!
  return before ^ (before >>> 30)
}
