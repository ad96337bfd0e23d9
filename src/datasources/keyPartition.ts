const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995

/**
 * The partition that a key belongs to, as Kafka's Java clients choose it: murmur2 without its sign, modulo the partitions.
 *
 * @platformatic/kafka has the same as `compatibilityPartitioner`, in big integers: many times slower, and half a second to load for a log that is
 * no Kafka. The test holds both to each other.
 */
export function partitionOfKey(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}

function murmur2(data: Uint8Array): number {
  const { length } = data
  const words = length >> 2
  let hash = SEED ^ length
  for (let word = 0; word < words; word += 1) {
    const at = word << 2
    let mixed = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)
    mixed = Math.imul(mixed, MULTIPLIER)
    mixed ^= mixed >>> 24
    hash = Math.imul(hash, MULTIPLIER) ^ Math.imul(mixed, MULTIPLIER)
  }
  const tail = words << 2
  const left = length & 3
  if (left > 0) {
    if (left > 2) hash ^= data[tail + 2]! << 16
    if (left > 1) hash ^= data[tail + 1]! << 8
    hash = Math.imul(hash ^ data[tail]!, MULTIPLIER)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}
