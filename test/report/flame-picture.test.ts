import { describe, expect, it } from 'vitest'
import { flamePicture } from '../../lib/report/flame-picture.js'
import { flameTree, type FlameNode } from '../../lib/report/flame-tree.js'
import { requireWellFormed } from '../helpers/well-formed.js'
import { ceilings, entries, profileWith, step } from './made-up-profile.js'

/** Names, indented. */
function outline(node: FlameNode, depth = 0): string[] {
  return ['  '.repeat(depth) + node.name, ...node.children.flatMap((child) => outline(child, depth + 1))]
}

describe('the tree of a step', () => {
  const tree = flameTree(step, ceilings)

  it('goes from the step over phase and layer to ops, in order of execution', () => {
    expect(outline(tree)).toEqual([
      'step',
      '  forward',
      '    patch_embedding',
      '    layers.0',
      '      rms_norm',
      '      attention.qkv',
      '    layers.1',
      '      rms_norm',
      '      attention.qkv',
      '  backward',
      '    layers.1',
      '      recompute',
      '  update',
      '    adamw',
    ])
  })

  it('gives a parent the time of its children', () => {
    expect(tree.seconds).toBeCloseTo(step.opSeconds, 12)
    expect(tree.floorSeconds).toBeCloseTo(step.floorSeconds, 12)
    expect(tree.children[0]!.children[2]!.seconds).toBeCloseTo(0.122, 12)
  })
})

/** x, y, width, height of every box: the first rectangle of its group. */
function boxes(svg: string): { title: string; x: number; y: number; width: number; height: number }[] {
  const found = svg.matchAll(
    /<g><title>([^<]*)<\/title><rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"[^>]*\/>/g,
  )
  return [...found].map(([, title, x, y, width, height]) => ({
    title: title!,
    x: Number(x),
    y: Number(y),
    width: Number(width),
    height: Number(height),
  }))
}

describe('the flame picture', () => {
  const svg = flamePicture(profileWith(step))

  it('is well-formed and the same every time', () => {
    requireWellFormed(svg)
    expect(svg).not.toMatch(/NaN|Infinity|undefined/)
    expect(flamePicture(profileWith(step))).toBe(svg)
  })

  it('has a box for the step, each phase, each layer and each op, as wide as its time', () => {
    const all = boxes(svg)
    expect(all).toHaveLength(1 + 3 + 3 + entries.length)
    const perSecond = all[0]!.width / step.opSeconds
    const adamw = all.find(({ title }) => title.startsWith('update › adamw'))!
    expect(adamw.width / perSecond).toBeCloseTo(0.01, 3)
    for (const { x, width } of all) expect(x + width).toBeLessThanOrEqual(1200)
  })

  it('puts ops without a layer as far down as the others', () => {
    const ops = boxes(svg).filter(({ title }) => title.includes(' a step\n'))
    expect(ops).toHaveLength(entries.length)
    expect(new Set(ops.map(({ y, height }) => y + height)).size).toBe(1)
  })

  it('draws the floor of a box as its darker part, never wider than the box', () => {
    const widths = (of: string) =>
      [...of.matchAll(/width="([\d.]+)" height="148"[^>]*fill-opacity="(0\.22|0\.42)"/g)].map((m) =>
        Number(m[1]),
      )
    const [norm, floor] = widths(svg)
    expect(floor! / norm!).toBeCloseTo(0.004 / 0.006, 2)
    const cached = { ...step, ops: step.ops.map((op) => ({ ...op, floor: { ...op.floor, seconds: 1 } })) }
    const clipped = widths(flamePicture(profileWith(cached)))
    expect(clipped.length).toBeGreaterThan(0)
    clipped.forEach((width, i) => i % 2 === 1 && expect(width).toBe(clipped[i - 1]))
  })

  it('tells op, shape, time, share and floor where the pointer rests', () => {
    expect(boxes(svg).map(({ title }) => title)).toContain(
      'forward › layers.1 › attention.qkv\ngemm 8×6×4, 3 times a step\n' +
        '110 ms, 60 % of the step; the compute floor, 60 ms, is 55 % of that',
    )
  })

  it('draws every stage, and escapes what users name', () => {
    const named = { ...step, stage: { ...step.stage, name: '<b> & "c"' } }
    const two = flamePicture({ ...profileWith(step, named), name: '<run>\u0001' })
    requireWellFormed(two)
    expect(two).toContain('&lt;b&gt; &amp; &quot;c&quot;: K = 4')
    expect(boxes(two)).toHaveLength(2 * boxes(svg).length)
    const scoped = { ...step, ops: step.ops.map((op) => ({ ...op, scope: ['<phase>'] })) }
    requireWellFormed(flamePicture(profileWith(scoped)))
  })
})
