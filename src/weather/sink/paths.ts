/** What the sink keeps beside the data, by partition. */
export const CHECKPOINT_FOLDER = '/checkpoints'
export const OWNER_FOLDER = '/checkpoints/owners'
export const DEAD_LETTER_FOLDER = '/dead-letters'

export const checkpointPath = (partition: number) => `${CHECKPOINT_FOLDER}/partition-${partition}.json`

export const intentPath = (partition: number) => `${CHECKPOINT_FOLDER}/partition-${partition}.intent.json`

export const ownerPath = (partition: number, epoch: number) =>
  `${OWNER_FOLDER}/partition-${partition}-epoch-${epoch}.json`

export const deadLetterPath = (partition: number, offset: number) =>
  `${DEAD_LETTER_FOLDER}/partition-${partition}-offset-${offset}.json`

/** For offsets from `from` to `to`, both included. */
export const lostRangePath = (partition: number, from: number, to: number) =>
  `${DEAD_LETTER_FOLDER}/partition-${partition}-offset-${from}-to-${to}.json`

const OWNER_NAME = /^partition-(0|[1-9]\d{0,8})-epoch-([1-9]\d{0,14})\.json$/

/** Undefined for a name that no owner has. */
export function parseOwnerName(name: string): { partition: number; epoch: number } | undefined {
  const match = OWNER_NAME.exec(name)
  return match ? { partition: Number(match[1]), epoch: Number(match[2]) } : undefined
}
