import { linearAxis, tickLabels, type Axis } from './axis.js'
import { siParts } from './format.js'
import { lossSeries, type LossPoint, type LossSeries } from './loss-series.js'
import type { MetricsLine } from './metrics.js'
import { band, element, label, line } from './svg.js'

/** One run of the picture, from its `metrics.jsonl`. */
export interface PicturedRun {
  readonly label: string
  readonly events: readonly MetricsLine[]
}

/**
 * The losses of one run or of several, as an SVG file: on the left over the text that was read, on the right over the
 * compute that was spent, which is where patch-level training gains.
 *
 * Lines are training losses (means of neighbouring steps, in a band from the lowest to the highest), dots are
 * validation losses. The loss of a stage with patches is a patch loss and is dashed: it predicts K tokens from each
 * position and is not comparable with the others.
 */
export function lossPicture(runs: readonly PicturedRun[], title: string): string {
  const picture = pictured(runs)
  const panels = [
    panel(picture, 'tokens', margin.left),
    panel(picture, 'flops', margin.left + panelSize.width + margin.between),
  ]
  const parts = [
    element('rect', { width: size.width, height: size.height, fill: '#ffffff' }),
    label(title, { x: margin.left, y: 30, 'font-size': 17, 'font-weight': 600, fill: ink.text }),
    legend(picture.legend),
    ...panels,
  ]
  return (
    element(
      'svg',
      {
        xmlns: 'http://www.w3.org/2000/svg',
        viewBox: `0 0 ${size.width} ${size.height}`,
        width: size.width,
        height: size.height,
        'font-family': 'Inter, "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif',
      },
      ...parts,
    ) + '\n'
  )
}

const margin = { left: 62, right: 24, top: 84, bottom: 58, between: 64 }
const panelSize = { width: 430, height: 300 }
const size = {
  width: margin.left + 2 * panelSize.width + margin.between + margin.right,
  height: margin.top + panelSize.height + margin.bottom,
}

const ink = { text: '#1f2328', muted: '#57606a', axis: '#8c959f', grid: '#eaeef2' }

/** Told apart by people with any colour vision (Okabe and Ito), the yellow left out: it vanishes on white. */
const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00']

interface Curve {
  readonly color: string
  readonly kind: 'train' | 'patch' | 'validation'
  readonly points: readonly (LossPoint & { readonly low?: number; readonly high?: number })[]
}

/** The point where a stage with another patch size begins. */
interface Switch {
  readonly at: LossPoint
  readonly text: string
  readonly color: string
}

interface Pictured {
  readonly curves: readonly Curve[]
  readonly switches: readonly Switch[]
  readonly legend: readonly LegendEntry[]
}

/** A single run has a colour for each stage; of several, each has its own colour throughout. */
function pictured(runs: readonly PicturedRun[]): Pictured {
  const series = runs.map((run) => lossSeries(run.events))
  const several = runs.length > 1
  const color = (run: number, stage: number) => palette[(several ? run : stage) % palette.length]!
  const kind = (patchSize: number) => (patchSize === 1 ? 'train' : 'patch')

  const curves = series.flatMap(({ stages, validation }, run): Curve[] => [
    ...stages.map(({ patchSize, points }, i): Curve => ({
      color: color(run, i),
      kind: kind(patchSize),
      points,
    })),
    ...validation.map((points): Curve => ({
      color: several ? color(run, 0) : ink.text,
      kind: 'validation',
      points,
    })),
  ])
  const switches = series.flatMap(({ stages }, run) =>
    stages.slice(1).map((stage, i): Switch => ({
      at: stage.points[0]!,
      text: `K = ${stages[i]!.patchSize} → ${stage.patchSize}`,
      color: several ? color(run, 0) : ink.muted,
    })),
  )
  return {
    curves,
    switches,
    legend: several ? runsLegend(runs, curves) : stagesLegend(series[0]?.stages ?? [], curves),
  }
}

interface LegendEntry {
  readonly text: string
  readonly color: string
  readonly kind: Curve['kind']
}

function stagesLegend(stages: LossSeries['stages'], curves: readonly Curve[]): LegendEntry[] {
  const entries = stages.map(({ patchSize }, i): LegendEntry => {
    const color = palette[i % palette.length]!
    return patchSize === 1
      ? { text: 'token loss', color, kind: 'train' }
      : { text: `patch loss, K = ${patchSize}`, color, kind: 'patch' }
  })
  return [...entries, ...kindLegend('validation', 'validation loss, token by token', curves)]
}

function runsLegend(runs: readonly PicturedRun[], curves: readonly Curve[]): LegendEntry[] {
  return [
    ...runs.map(({ label }, i): LegendEntry => ({
      text: label,
      color: palette[i % palette.length]!,
      kind: 'train',
    })),
    ...kindLegend('patch', 'patch loss', curves),
    ...kindLegend('validation', 'validation loss, token by token', curves),
  ]
}

/** What a kind of mark means, when the picture has that kind. */
function kindLegend(kind: Curve['kind'], text: string, curves: readonly Curve[]): LegendEntry[] {
  return curves.some((curve) => curve.kind === kind) ? [{ text, color: ink.text, kind }] : []
}

function panel({ curves, switches }: Pictured, over: 'tokens' | 'flops', left: number): string {
  const bottom = margin.top + panelSize.height
  const right = left + panelSize.width
  const points = curves.flatMap((curve) => curve.points)
  const x = linearAxis([0, 1.02 * Math.max(1, ...points.map((p) => p[over]))], [left, right], 6, false)
  const y = linearAxis(lossDomain(curves), [bottom, margin.top], 6, true)
  const clip = `panel-${over}`
  return [
    element(
      'clipPath',
      { id: clip },
      element('rect', { x: left, y: margin.top, width: panelSize.width, height: panelSize.height }),
    ),
    grid(x, y, left, right, bottom),
    element('g', { 'clip-path': `url(#${clip})` }, ...curves.map((curve) => drawn(curve, over, x, y)), ''),
    ...switches.map((change) => switchMark(change, x.at(change.at[over]), bottom)),
    axes(x, y, left, right, bottom, over),
  ].join('\n')
}

/**
 * From the lowest loss to the highest that is worth the room: the fall of the first few percent of a run, from the
 * loss of guessing, would press everything else flat.
 */
function lossDomain(curves: readonly Curve[]): [number, number] {
  const all = curves.flatMap(({ points }) => points.map((p) => p.loss))
  const settled = curves.flatMap(({ points }) =>
    points.slice(Math.min(points.length - 1, Math.ceil(0.04 * points.length))).map((p) => p.loss),
  )
  return all.length === 0 ? [0, 1] : [Math.min(...all), Math.max(...settled)]
}

function drawn(curve: Curve, over: 'tokens' | 'flops', x: Axis, y: Axis): string {
  const points = curve.points.map((p) => [x.at(p[over]), y.at(p.loss)] as const)
  if (curve.kind === 'validation') {
    const dots = points.map(([cx, cy]) =>
      element('circle', { cx, cy, r: 3, fill: '#ffffff', stroke: curve.color, 'stroke-width': 1.6 }),
    )
    return line(points, { stroke: curve.color, 'stroke-width': 1, opacity: 0.6 }) + dots.join('')
  }
  const spread = curve.points.map(
    (p) => [x.at(p[over]), y.at(p.low ?? p.loss), y.at(p.high ?? p.loss)] as const,
  )
  return (
    band(spread, { fill: curve.color, opacity: 0.14 }) +
    line(points, {
      stroke: curve.color,
      'stroke-width': 1.8,
      'stroke-linejoin': 'round',
      'stroke-dasharray': curve.kind === 'patch' ? dash : undefined,
    })
  )
}

const dash = '6 3'

function switchMark({ text, color }: Switch, x: number, bottom: number): string {
  return (
    element('line', {
      x1: x,
      x2: x,
      y1: margin.top,
      y2: bottom,
      stroke: color,
      'stroke-width': 1,
      'stroke-dasharray': '2 3',
    }) + label(text, { x: x + 5, y: margin.top + 12, 'font-size': 11, fill: color })
  )
}

function grid(x: Axis, y: Axis, left: number, right: number, bottom: number): string {
  const across = y.ticks.map((tick) =>
    element('line', { x1: left, x2: right, y1: y.at(tick), y2: y.at(tick) }),
  )
  const up = x.ticks.map((tick) =>
    element('line', { x1: x.at(tick), x2: x.at(tick), y1: margin.top, y2: bottom }),
  )
  return element('g', { stroke: ink.grid, 'stroke-width': 1 }, ...across, ...up)
}

function axes(
  x: Axis,
  y: Axis,
  left: number,
  right: number,
  bottom: number,
  over: 'tokens' | 'flops',
): string {
  const { unit, prefix } = siParts(x.domain[1])
  const across = tickLabels(x.ticks, unit).map((text, i) =>
    label(text, { x: x.at(x.ticks[i]!), y: bottom + 18, 'text-anchor': 'middle' }),
  )
  const up = tickLabels(y.ticks, 1).map((text, i) =>
    label(text, { x: left - 8, y: y.at(y.ticks[i]!) + 4, 'text-anchor': 'end' }),
  )
  const middle = (margin.top + bottom) / 2
  return [
    element('g', { 'font-size': 11, fill: ink.muted }, ...across, ...up),
    element('path', { d: `M${left} ${margin.top}V${bottom}H${right}`, fill: 'none', stroke: ink.axis }),
    label(over === 'tokens' ? `text read (${tokenUnit(prefix)})` : `compute spent (${prefix}FLOP)`, {
      x: (left + right) / 2,
      y: bottom + 42,
      'text-anchor': 'middle',
      'font-size': 12.5,
      fill: ink.text,
    }),
    label('loss (nats a token)', {
      x: left - 44,
      y: middle,
      'text-anchor': 'middle',
      'font-size': 12.5,
      fill: ink.text,
      transform: `rotate(-90 ${left - 44} ${middle})`,
    }),
  ].join('\n')
}

function tokenUnit(prefix: string): string {
  const words: Record<string, string> = {
    '': '',
    k: 'thousand ',
    M: 'million ',
    G: 'billion ',
    T: 'trillion ',
  }
  return `${words[prefix] ?? prefix}tokens`
}

/** One row above both panels. Widths are estimated: an SVG file cannot measure its text. */
function legend(entries: readonly LegendEntry[]): string {
  const fontSize = 12
  let x = margin.left
  const parts = entries.map(({ text, color, kind }) => {
    const swatch =
      kind === 'validation'
        ? element('circle', { cx: x + 11, cy: 54, r: 3, fill: '#ffffff', stroke: color, 'stroke-width': 1.6 })
        : element('line', {
            x1: x,
            x2: x + 22,
            y1: 54,
            y2: 54,
            stroke: color,
            'stroke-width': 2,
            'stroke-dasharray': kind === 'patch' ? dash : undefined,
          })
    const entry = swatch + label(text, { x: x + 29, y: 58, 'font-size': fontSize, fill: ink.text })
    x += 29 + text.length * fontSize * 0.56 + 22
    return entry
  })
  return parts.join('')
}
