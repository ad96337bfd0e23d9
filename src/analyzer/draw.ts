import { fileURLToPath } from 'node:url'
import { Resvg } from '@resvg/resvg-js'
import { parse, View } from 'vega'
import { compile } from 'vega-lite'
import { type Chart, chartSpec } from './chartSpec.ts'

const PIXELS_PER_UNIT = 2

export async function drawSvg(chart: Chart): Promise<string> {
  const view = new View(parse(compile(chartSpec(chart)).spec), { renderer: 'none' })
  try {
    return await view.toSVG()
  } finally {
    view.finalize()
  }
}

/** The picture in pixels, two for each of its units, with a font that we bring: a server may have none. */
export function toPng(svg: string): Uint8Array {
  const resvg = new Resvg(svg, {
    fitTo: { mode: 'zoom', value: PIXELS_PER_UNIT },
    font: { loadSystemFonts: false, fontFiles: fontFiles(), defaultFontFamily: 'Inter' },
  })
  return resvg.render().asPng()
}

function fontFiles(): string[] {
  return ['400Regular/Inter_400Regular.ttf', '600SemiBold/Inter_600SemiBold.ttf'].map(name =>
    fileURLToPath(import.meta.resolve(`@expo-google-fonts/inter/${name}`)),
  )
}
