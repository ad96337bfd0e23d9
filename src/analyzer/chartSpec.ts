import type { TopLevelSpec } from 'vega-lite'
import type { Analysis } from './analysis.ts'
import type { Operation } from './measure.ts'
import type { Summary } from './statistics.ts'

export interface Chart {
  analysis: Analysis
  /** "Dane County" by 55025. */
  countyNames: ReadonlyMap<number, string>
  /** Where it was measured, as a sentence without its full stop: "Storage: webhdfs". */
  setting: string
}

/** From Okabe and Ito's palette: apart for every kind of colour vision, and in grey. */
const COLORS: Record<Operation, string> = { create: '#0072B2', reuse: '#E69F00', recreate: '#CC79A7' }
const MEANINGS: Record<Operation, string> = {
  create: 'create: there is no partition yet, made from the whole file',
  reuse: 'reuse: the partition is there',
  recreate: 'recreate: the partition was lost with its DataNode, made again from the whole file',
}
const INK = '#1f2328'
const FAINT_INK = '#59636e'
const FAINT_LINE = '#d8dde3'
/** Of all panels, in units: what a page has room for. */
const WIDTH = 760
/** With more counties there is room for bars and codes, not for names and numbers. */
const MOST_NAMED_COUNTIES = 12
/** Where one bar is so many times another, the small one is invisible on a linear scale. */
const MOST_LINEAR_RATIO = 100
const LINE_BREAK = '\n'

/** Bars of create, reuse and recreate beside one another: county by county, and apart from them for their average. */
export function chartSpec({ analysis, countyNames, setting }: Chart): TopLevelSpec {
  const codes = [...new Set(analysis.counties.map(({ county }) => county))]
  const named = codes.length <= MOST_NAMED_COUNTIES
  const nameOf = (code: number) => (named ? [countyNames.get(code)?.replace(/ County$/, ''), code] : [code])
  const countyBars = analysis.counties.map(one => barOf(nameOf(one.county), one))
  const averageBars = analysis.averages.map(one => barOf(named ? ['Average', `of ${codes.length}`] : ['Average'], one))
  const style: PanelStyle = {
    operations: analysis.operations.map(({ operation }) => operation),
    named,
    barWidth: barWidth({ groups: codes.length + 1, bars: analysis.operations.length, named }),
    scale: scaleOf([...countyBars, ...averageBars]),
  }
  return {
    title: {
      text: 'Time to get the average loan of one county',
      subtitle: [
        `${named ? 'Bars, and the numbers below them' : 'Bars'}: median. Whiskers: 10th to 90th percentile.`,
        `Each county: ${countsOf(analysis, codes.length)}. Average: of each repeat's mean.`,
        `As one client sees it, one question at a time. ${setting}.`,
      ],
    },
    hconcat: [
      panel(countyBars, { ...style, axes: true, background: 'white' }),
      panel(averageBars, { ...style, axes: false, background: '#f4f6f8' }),
    ],
    resolve: { scale: { color: 'independent' } },
    spacing: 14,
    bounds: 'flush', // else the legend, which is wider than a narrow panel, moves the other one away
    background: 'white',
    padding: 20,
    config: CONFIG,
  }
}

/** "5 × create, 5 × reuse, 3 to 6 × recreate" */
function countsOf({ operations, counties }: Analysis, countyCount: number): string {
  const texts = operations.map(({ operation }) => {
    const counts = counties.filter(one => one.operation === operation).map(({ n }) => n)
    const least = counts.length < countyCount ? 0 : Math.min(...counts)
    const most = Math.max(...counts)
    return `${least === most ? least : `${least} to ${most}`} × ${operation}`
  })
  return texts.join(', ')
}

function barWidth({ groups, bars, named }: { groups: number; bars: number; named: boolean }): number {
  const [least, most] = named ? [34, 90] : [5, 20]
  return Math.min(most, Math.max(least, Math.floor(WIDTH / groups / (bars + 0.6))))
}

/** A bar with its whisker and the number below it. */
interface Bar {
  group: string
  operation: string
  median: number
  p10: number
  p90: number
  label: string
}

function barOf(
  name: readonly (string | number | undefined)[],
  { operation, median, p10, p90 }: Summary & { operation: Operation },
): Bar {
  const group = name.filter(line => line !== undefined).join(LINE_BREAK)
  return { group, operation: MEANINGS[operation], median, p10, p90, label: shortNumber(median) }
}

/** "0.84", "8.4", "84", "8,400" */
function shortNumber(millis: number): string {
  if (millis < 99.5) return millis.toPrecision(2)
  return millis.toLocaleString('en-US', { maximumFractionDigits: 0 })
}

interface Scale {
  type: 'linear' | 'log'
  domain: [number, number]
  nice: boolean
}

function scaleOf(bars: readonly Bar[]): Scale {
  const medians = bars.map(({ median }) => median)
  const least = Math.min(...bars.map(({ p10 }) => p10))
  const most = Math.max(...bars.map(({ p90 }) => p90))
  if (Math.max(...medians) <= MOST_LINEAR_RATIO * Math.min(...medians)) {
    return { type: 'linear', domain: [0, most * 1.06], nice: true }
  }
  return { type: 'log', domain: [10 ** Math.floor(Math.log10(least / 2)), most * 1.5], nice: false }
}

interface PanelStyle {
  operations: readonly Operation[]
  named: boolean
  /** With the gap to the next one, in units. */
  barWidth: number
  scale: Scale
}

interface PanelOptions extends PanelStyle {
  /** Whether it shows the axis of times and the legend, which the other panel shares. */
  axes: boolean
  background: string
}

/** A part of the picture, in Vega-Lite's terms. */
type View = Extract<TopLevelSpec, { hconcat: unknown }>['hconcat'][number]

function panel(bars: Bar[], { operations, named, barWidth, scale, axes, background }: PanelOptions): View {
  const time = {
    type: 'quantitative',
    title: `Time to answer (ms${scale.type === 'log' ? ', log scale' : ''})`,
  } as const
  const hidden = { title: null, labels: false }
  return {
    data: { values: bars },
    width: { step: barWidth, for: 'offset' },
    height: 320,
    view: { fill: background, stroke: null },
    encoding: {
      x: {
        field: 'group',
        type: 'nominal',
        sort: null,
        title: null,
        axis: {
          labelExpr: `split(datum.value, ${JSON.stringify(LINE_BREAK)})`,
          labelAngle: named ? 0 : -90,
          labelPadding: named ? 27 : 8,
        },
        scale: { paddingInner: 0.28, paddingOuter: 0.2 },
      },
      xOffset: {
        field: 'operation',
        type: 'nominal',
        sort: operations.map(one => MEANINGS[one]),
        scale: { paddingInner: 0.12 },
      },
    },
    layer: [
      {
        mark: 'bar',
        encoding: {
          y: {
            field: 'median',
            ...time,
            scale,
            axis: { ...(axes ? {} : hidden), ...(scale.type === 'log' && { values: decades(scale) }) },
          },
          y2: { datum: scale.domain[0] },
          color: {
            field: 'operation',
            type: 'nominal',
            scale: { domain: operations.map(one => MEANINGS[one]), range: operations.map(one => COLORS[one]) },
            legend: axes ? {} : null,
          },
        },
      },
      {
        mark: { type: 'errorbar', color: INK, thickness: 1.2, ticks: { size: named ? 9 : 3, color: INK } },
        encoding: { y: { field: 'p10', ...time }, y2: { field: 'p90' } },
      },
      ...(named ? [NUMBERS] : []),
    ],
  }
}

/** Below each bar, where no whisker and no line is in their way. */
const NUMBERS = {
  mark: { type: 'text', baseline: 'top', dy: 7, fontSize: 11, color: FAINT_INK },
  encoding: { y: { value: 'height' }, text: { field: 'label' } },
} as const

/** 1, 10, 100, ... within the scale. */
function decades({ domain: [least, most] }: Scale): number[] {
  const count = Math.floor(Math.log10(most / least)) + 1
  return Array.from({ length: count }, (_, power) => least * 10 ** power)
}

const CONFIG = {
  font: 'Inter, Helvetica, Arial, sans-serif',
  title: {
    anchor: 'start',
    frame: 'group',
    color: INK,
    fontSize: 17,
    fontWeight: 600,
    subtitleColor: FAINT_INK,
    subtitleFontSize: 12,
    subtitleLineHeight: 17,
    subtitlePadding: 6,
    offset: 14,
  },
  axis: {
    labelColor: INK,
    labelFontSize: 12,
    titleColor: INK,
    titleFontSize: 12,
    titleFontWeight: 600,
    titlePadding: 10,
    domainColor: FAINT_INK,
    gridColor: FAINT_LINE,
    ticks: false,
  },
  axisX: { labelLineHeight: 15, grid: false },
  axisY: { domain: false, labelPadding: 6, tickCount: 6 },
  legend: {
    title: null,
    orient: 'top',
    direction: 'vertical',
    labelFontSize: 12,
    labelColor: INK,
    labelLimit: 0,
    symbolType: 'square',
    symbolSize: 130,
    rowPadding: 4,
    offset: 12,
  },
} as const
