/** Where a sink can be stopped, in the order of a batch's life. Tests end the process at each. */
export const SINK_STEPS = [
  'owner taken',
  'clean-up',
  'cleaned up',
  'intent',
  'intent published',
  'temporary open',
  'half-written',
  'closed',
  'checked',
  'renamed',
  'checkpoint',
  'checkpoint published',
] as const

export type SinkStep = (typeof SINK_STEPS)[number]

export type OnSinkStep = (step: SinkStep) => void | Promise<void>
