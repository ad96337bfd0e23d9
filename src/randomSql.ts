/**
 * SQL for pseudo-random values that depend on the row's number, a label and the seed only: the same whatever the number of
 * threads and whatever is drawn besides. Everything is computed in integers, so that no machine rounds differently.
 */
export interface Random {
  /** An integer from 0 to size - 1. */
  draw: (label: string, size: number | string) => string
  /** An integer from `from` to `to`, both included. */
  between: (label: string, from: number, to: number) => string
  /** One of the SQL expressions, in proportion to their weights; the weights add up to the size of the draw. */
  pick: (label: string, choices: readonly (readonly [weight: number, sql: string])[]) => string
  /** True in `count` of 1000 rows. */
  chance: (label: string, countOf1000: number) => string
}

/** `rowNumber` is the SQL name of an integer from 0 to 2^31 - 1, the only thing besides label and seed that a draw depends on. */
export function randomSql(seed: number, rowNumber: string): Random {
  function draw(label: string, size: number | string): string {
    return `CAST(hash(CAST(${rowNumber} AS BIGINT) * 4294967296 + ${labelHash(`${seed}/${label}`)}) % ${size} AS INTEGER)`
  }
  return {
    draw,
    between: (label, from, to) => `(${from} + ${draw(label, to - from + 1)})`,
    pick(label, choices) {
      const slots = choices.flatMap(([weight, sql]) => Array.from({ length: weight }, () => sql))
      return `list_extract([${slots.join(', ')}], 1 + ${draw(label, slots.length)})`
    },
    chance: (label, countOf1000) => `(${draw(label, 1000)} < ${countOf1000})`,
  }
}

/** FNV-1a, 32 bits. */
function labelHash(label: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < label.length; index++) {
    hash = Math.imul(hash ^ label.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

/** A string in SQL. */
export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`
}
