import { expect, test } from 'vitest'
import { analysisOf } from '../../src/analyzer/analysis.ts'
import { drawSvg, toPng } from '../../src/analyzer/draw.ts'
import type { Measurement } from '../../src/analyzer/measure.ts'
import { measurementsOf } from './measurements.ts'

const COUNTIES = [55001, 55003, 55027]
const NAMES = new Map([
  [55001, 'Adams County'],
  [55003, 'Ashland County'],
  [55027, 'Dodge & Co. County'],
])

const draw = (measurements: Measurement[]) =>
  drawSvg({ analysis: analysisOf(measurements), countyNames: NAMES, setting: 'Storage: a local directory' })

const textsOf = (svg: string) =>
  [...svg.matchAll(/<(?:text|tspan)[^>]*>([^<]+)</g)].map(([, text]) => text!.replaceAll('&amp;', '&'))

/** The descriptions that Vega gives to bars, for readers that do not see them. */
const barsOf = (svg: string) => svg.match(/aria-roledescription="bar"/g)

test('the picture has a title, units, names and codes, and says what bars, whiskers and colours are', async () => {
  const texts = textsOf(await draw(measurementsOf(COUNTIES, { create: 130, reuse: 9 })))
  expect(texts).toContain('Time to get the average loan of one county')
  expect(texts).toContain('Time to answer (ms)')
  expect(texts).toContain('Bars, and the numbers below them: median. Whiskers: 10th to 90th percentile.')
  expect(texts).toContain("Each county: 3 × create, 3 × reuse. Average: of each repeat's mean.")
  expect(texts.join('\n')).toContain('Storage: a local directory.')
  for (const text of ['Adams', '55001', 'Ashland', 'Dodge & Co.', 'Average', 'of 3']) expect(texts).toContain(text)
  expect(texts.filter(text => /^(create|reuse|recreate):/.test(text))).toHaveLength(2)
})

test('there is one bar for each county and operation, and one for each average', async () => {
  expect(barsOf(await draw(measurementsOf(COUNTIES, { create: 130, reuse: 9 })))).toHaveLength(4 * 2)
  expect(barsOf(await draw(measurementsOf(COUNTIES, { create: 130, reuse: 9, recreate: 300 })))).toHaveLength(4 * 3)
})

test('a county that was never recreated has no bar for it, and the counts say so', async () => {
  const measurements = [
    ...measurementsOf(COUNTIES, { create: 130, reuse: 9 }),
    ...measurementsOf([55001], { recreate: 200 }),
    { operation: 'recreate', county: 55003, repeat: 1, millis: 100 } as const,
  ]
  const svg = await draw(measurements)
  expect(barsOf(svg)).toHaveLength(3 * 2 + 2 + 3)
  expect(textsOf(svg).join('\n')).toContain('3 × create, 3 × reuse, 0 to 3 × recreate')
})

test('medians stand below the bars with two digits, or whole', async () => {
  const texts = textsOf(await draw(measurementsOf([55001], { create: 617.25, reuse: 4.125 })))
  expect(texts.filter(text => text === '1,235')).toHaveLength(2)
  expect(texts.filter(text => text === '8.3')).toHaveLength(2)
})

test('the scale is logarithmic, and says so, where bars would otherwise be too small to see', async () => {
  const texts = textsOf(await draw(measurementsOf(COUNTIES, { create: 130, reuse: 9, recreate: 7_000 })))
  expect(texts).toContain('Time to answer (ms, log scale)')
  expect(texts).toEqual(expect.arrayContaining(['1', '10', '100', '1,000', '10,000']))
})

test('the state of Wisconsin fits, with codes instead of names', async () => {
  const codes = Array.from({ length: 72 }, (_, index) => 55001 + 2 * index)
  const svg = await draw(measurementsOf(codes, { create: 130, reuse: 9, recreate: 300 }))
  expect(barsOf(svg)).toHaveLength(73 * 3)
  expect(textsOf(svg)).toContain('55143')
  expect(sizeOf(svg).width).toBeLessThan(1_700)
})

test('the PNG has twice as many pixels as the picture has units, and draws its text without any font installed', async () => {
  const svg = await draw(measurementsOf(COUNTIES, { create: 130, reuse: 9 }))
  const png = Buffer.from(toPng(svg))
  expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
  const { width, height } = sizeOf(svg)
  expect(png.readUInt32BE(16)).toBe(Math.ceil(width * 2))
  expect(png.readUInt32BE(20)).toBe(Math.ceil(height * 2))
  const withoutText = toPng(svg.replaceAll(/<text[\s\S]*?<\/text>/g, ''))
  expect(png.length).toBeGreaterThan(withoutText.length * 2)
})

function sizeOf(svg: string): { width: number; height: number } {
  const [, width, height] = /<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec(svg)!
  return { width: Number(width), height: Number(height) }
}
