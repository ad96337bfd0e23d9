import { DataType, type Vector } from 'apache-arrow'
import type { ColumnType } from '../datasources/source.ts'
import { unscaledDecimal } from '../parquet/writeValue.ts'

/** A sum of loan amounts that is exact for integers and decimals, and as exact as DOUBLE is for the rest. */
export interface Total {
  loans: number
  /** In units of 10^-scale dollars; a bigint where the column is exact. */
  sum: number | bigint
  scale: number
}

/** Adds up the amounts of a column as they come from a source. */
export function adderFor(type: ColumnType): { zero: Total; add(total: Total, amount: unknown): void } {
  const scale = type.kind === 'decimal' ? type.scale : 0
  const exact = type.kind === 'decimal' || type.kind === 'integer'
  return {
    zero: { loans: 0, sum: exact ? 0n : 0, scale },
    add(total, amount) {
      total.loans++
      if (typeof total.sum === 'number') total.sum += Number(amount)
      else
        total.sum += scale === 0 ? BigInt(amount as number | bigint | string) : unscaledDecimal(String(amount), scale)
    },
  }
}

/** The total of a decoded column of amounts, none of which is null: the migration's filter lets no NULL through. */
export function totalOf(amounts: Vector): Total {
  const { type, length: loans } = amounts
  if (DataType.isFloat(type)) {
    let sum = 0
    for (const value of amounts) sum += value as number
    return { loans, sum, scale: 0 }
  }
  let sum = 0n
  for (const value of amounts)
    sum += DataType.isDecimal(type) ? wordsToBigInt(value as Uint32Array) : BigInt(value as number | bigint)
  return { loans, sum, scale: DataType.isDecimal(type) ? type.scale : 0 }
}

/** The mean in whole dollars, rounded down. */
export function floorMean({ loans, sum, scale }: Total): number {
  if (typeof sum === 'number') return Math.floor(sum / loans)
  const divisor = BigInt(loans) * 10n ** BigInt(scale)
  const quotient = sum / divisor
  return Number(sum % divisor < 0n ? quotient - 1n : quotient)
}

/** Floating-point sums of the same numbers may differ by their order: this much, relatively, is the same sum. */
const SAME_SUM = 1e-9

export function sameTotal(one: Total, other: Total): boolean {
  if (one.loans !== other.loans) return false
  if (typeof one.sum === 'bigint' && typeof other.sum === 'bigint' && one.scale === other.scale)
    return one.sum === other.sum
  const [a, b] = [dollars(one), dollars(other)]
  return Math.abs(a - b) <= SAME_SUM * Math.max(Math.abs(a), Math.abs(b))
}

function dollars({ sum, scale }: Total): number {
  return Number(sum) / 10 ** scale
}

/** Totals travel in metadata as JSON, which has no bigint: an exact sum is a string there. */
export type TotalJson = [loans: number, sum: number | string, scale: number]

export function totalToJson({ loans, sum, scale }: Total): TotalJson {
  return [loans, typeof sum === 'bigint' ? String(sum) : sum, scale]
}

export function totalFromJson([loans, sum, scale]: TotalJson): Total {
  return { loans, sum: typeof sum === 'string' ? BigInt(sum) : sum, scale }
}

/** Arrow's 128-bit decimal: four 32-bit words, the lowest first, in two's complement. */
function wordsToBigInt(words: Uint32Array): bigint {
  let result = 0n
  for (let index = words.length - 1; index >= 0; index--) result = (result << 32n) | BigInt(words[index]!)
  return BigInt.asIntN(words.length * 32, result)
}
