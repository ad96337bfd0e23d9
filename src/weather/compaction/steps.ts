/** Where merging can be stopped, in order. Tests end the process at each. */
export const COMPACTION_STEPS = [
  'plan',
  'plan published',
  'merge begun',
  'merge half-written',
  'merge closed',
  'merge checked',
  'merge renamed',
  'plans tidied',
  'sweep',
  'swept one',
  'swept',
] as const

export type CompactionStep = (typeof COMPACTION_STEPS)[number]

export type OnCompactionStep = (step: CompactionStep) => void | Promise<void>
