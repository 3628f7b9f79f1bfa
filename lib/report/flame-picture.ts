import { linearAxis, tickLabels } from './axis.js'
import { flameTree, type FlameNode } from './flame-tree.js'
import { milliseconds, percent, si, siUnit } from './format.js'
import { isUnsteady, type RunProfile, type StepProfile } from './profile.js'
import { element, label, tooltip } from './svg.js'

/**
 * Where the time of a training step goes, as an SVG file: for each stage a step, its phases, its layers and their ops
 * below one another, as wide as they take long. The darker part of a box is its floor: what it would take at the
 * device's ceiling. A box tells more when the pointer rests on it.
 */
export function flamePicture(profile: RunProfile): string {
  const { name, device, ceilings, stages } = profile
  const height = top + stages.length * (stageHeight + gap) - gap + 20
  const parts = [
    element('rect', { width, height, fill: '#ffffff' }),
    label(`${name}, a training step`, {
      x: margin,
      y: 30,
      'font-size': 17,
      'font-weight': 600,
      fill: ink.text,
    }),
    label(
      `${device}, at most ${siUnit(ceilings.flopsPerSecond, 'FLOP/s')} and ${siUnit(ceilings.bytesPerSecond, 'B/s')}. Darker: what each would take at that.`,
      { x: margin, y: 51, 'font-size': 12, fill: ink.muted },
    ),
    legend(),
    ...stages.map((stage, i) => stagePicture(profile, stage, top + i * (stageHeight + gap))),
  ]
  return (
    element(
      'svg',
      {
        xmlns: 'http://www.w3.org/2000/svg',
        viewBox: `0 0 ${width} ${height}`,
        width,
        height,
        'font-family': 'Inter, "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif',
      },
      ...parts,
    ) + '\n'
  )
}

const width = 1200
const margin = 24
const top = 104
const gap = 34
/** Heights of the levels: step, phase, layer, op. */
const levels = [24, 24, 24, 148] as const
const headline = 24
const axisHeight = 24
const stageHeight = headline + levels.reduce((a, b) => a + b, 0) + axisHeight

const ink = { text: '#1f2328', muted: '#57606a', axis: '#8c959f', box: '#8c959f' }

/** What ops do, and a colour for it that people with any colour vision tell apart (Okabe and Ito). */
const kinds = [
  { text: 'products', color: '#0072b2', ops: /^gemm$/ },
  { text: 'attention', color: '#d55e00', ops: /attention/ },
  { text: 'norms and elementwise', color: '#009e73', ops: /^(rms_norm|swiglu|rope)/ },
  { text: 'loss', color: '#cc79a7', ops: /loss|cross_entropy/ },
  { text: 'embedding', color: '#56b4e9', ops: /embedding/ },
  { text: 'optimizer', color: '#e69f00', ops: /^(adamw|grad_norm)$/ },
] as const

function colorOf({ row }: FlameNode): string {
  return (row && kinds.find(({ ops }) => ops.test(row.op))?.color) ?? ink.box
}

function stagePicture({ ceilings }: RunProfile, step: StepProfile, y: number): string {
  const { stage, seconds, tokens, outsideSeconds, partsSeconds } = step
  const tree = flameTree(step, ceilings)
  const x = linearAxis([0, partsSeconds], [margin, width - margin], 10, false)
  const begin = y + headline
  const end = begin + levels.reduce((a, b) => a + b, 0)
  const boxes: string[] = []
  const place = (node: FlameNode, start: number, depth: number, path: readonly string[]) => {
    const above = levels.slice(0, depth).reduce((a, b) => a + b, 0)
    const box = {
      x: x.at(start),
      y: begin + above,
      width: x.at(start + node.seconds) - x.at(start),
      // What lies in no layer reaches down to the ops of the layers.
      height: node.row ? end - begin - above : levels[depth]!,
    }
    boxes.push(drawnBox(node, box, detail(node, step, path)))
    let at = start
    for (const child of node.children) {
      place(child, at, depth + 1, [...path, node.name])
      at += child.seconds
    }
  }
  place(tree, 0, 0, [])
  const title =
    `${stage.name}: K = ${stage.patchSize}, ${milliseconds(seconds.median)} a step, ` +
    `${si(tokens / seconds.median, 'B')} tokens/s, ` +
    `floor ${milliseconds(tree.floorSeconds)} (${percent(tree.floorSeconds / seconds.median)}), ` +
    `outside of ops ${milliseconds(outsideSeconds)}` +
    (isUnsteady(step) ? `; unsteady, its parts add up to ${milliseconds(partsSeconds)}` : '')
  return [
    label(title, { x: margin, y: y + 14, 'font-size': 13, 'font-weight': 600, fill: ink.text }),
    ...boxes,
    timeAxis(x, end),
  ].join('\n')
}

interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

function drawnBox(node: FlameNode, box: Box, told: string): string {
  const color = colorOf(node)
  const floor = Math.min(1, node.floorSeconds / node.seconds || 0)
  return element(
    'g',
    {},
    tooltip(told),
    element('rect', { ...box, fill: color, 'fill-opacity': 0.22 }),
    element('rect', { ...box, width: floor * box.width, fill: color, 'fill-opacity': 0.42 }),
    element('rect', { ...box, fill: 'none', stroke: '#ffffff', 'stroke-width': box.width > 4 ? 1 : 0.4 }),
    boxLabel(node, box),
  )
}

/** Widths are estimated: an SVG file cannot measure its text. */
const characterWidth = 0.56

/** Along a wide box, down a narrow high one, nothing where neither has room. */
function boxLabel({ name, row }: FlameNode, box: Box): string {
  const fontSize = 11
  const room = (text: string, length: number) => text.length * fontSize * characterWidth + 8 <= length
  const attributes = { 'font-size': fontSize, fill: ink.text }
  const short = name.replace(/^layers\./, '')
  const fitting = [name, short].find((text) => room(text, box.width))
  if (fitting !== undefined && (!row || box.width > 60))
    return label(fitting, { ...attributes, x: box.x + 5, y: box.y + 16 })
  if (!row || box.width < fontSize + 2 || !room(name, box.height)) return ''
  const [x, y] = [box.x + box.width / 2 + 4, box.y + box.height - 6]
  return label(name, { ...attributes, x, y, transform: `rotate(-90 ${x.toFixed(1)} ${y.toFixed(1)})` })
}

function detail(
  { name, seconds, floorSeconds, row }: FlameNode,
  step: StepProfile,
  path: readonly string[],
): string {
  const share = percent(seconds / step.partsSeconds)
  const floorShare = percent(floorSeconds / seconds)
  const ofCeiling = row
    ? `the ${row.floor.bound} floor, ${milliseconds(floorSeconds)}`
    : `its floor, ${milliseconds(floorSeconds)}`
  return [
    [...path.slice(1), name].join(' › '),
    ...(row ? [`${row.op} ${row.shape}, ${row.runs === 1 ? 'once' : `${row.runs} times`} a step`] : []),
    `${milliseconds(seconds)}, ${share} of the step; ${ofCeiling}, is ${floorShare} of that`,
  ].join('\n')
}

function timeAxis(x: ReturnType<typeof linearAxis>, y: number): string {
  const texts = tickLabels(x.ticks, 1e-3)
  const marks = x.ticks.flatMap((tick, i) => [
    element('line', { x1: x.at(tick), x2: x.at(tick), y1: y, y2: y + 4, stroke: ink.axis }),
    label(i === 0 ? '0 ms' : texts[i]!, {
      x: x.at(tick),
      y: y + 16,
      'text-anchor': i === 0 ? 'start' : 'middle',
    }),
  ])
  return element('g', { 'font-size': 11, fill: ink.muted }, ...marks)
}

function legend(): string {
  const fontSize = 12
  let x = margin
  const entries = kinds.map(({ text, color }) => {
    const entry =
      element('rect', { x, y: 66, width: 8, height: 14, fill: color, 'fill-opacity': 0.55 }) +
      element('rect', { x: x + 8, y: 66, width: 8, height: 14, fill: color, 'fill-opacity': 0.22 }) +
      label(text, { x: x + 22, y: 77, 'font-size': fontSize, fill: ink.text })
    x += 22 + text.length * fontSize * characterWidth + 20
    return entry
  })
  return entries.join('')
}
