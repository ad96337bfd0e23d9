const BARS = '▁▂▃▄▅▆▇█'

/** One bar for each value, between the lowest and the highest of `range`. */
export function sparkline(values: readonly number[], [lowest, highest]: [lowest: number, highest: number]): string {
  const step = (highest - lowest) / BARS.length || 1
  return values.map(value => BARS[Math.min(BARS.length - 1, Math.max(0, Math.floor((value - lowest) / step)))]).join('')
}
