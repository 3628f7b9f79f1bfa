import type { Ceilings } from '../native/addon.js'
import { floorOf, type Floor, type ProfiledOp } from './profile.js'

/** Ops of a step that do the same to tensors of the same shapes, together. */
export interface ProfileRow {
  readonly op: string
  /** `forward`, `head and loss`, `backward`, `update`. */
  readonly phase: string
  /** `layers.3`; missing outside of the layers, and where the layers are taken together. */
  readonly layer?: string
  /** What it is for, where the op alone does not say: `attention.qkv dW`, `recompute`. */
  readonly role: string
  /** `2048×768×256` of a product (rows, columns, inner), else of the op's first tensor. */
  readonly shape: string
  /** Runs in one step. */
  readonly runs: number
  readonly flops: number
  readonly bytes: number
  readonly seconds: number
  readonly floor: Floor
}

/**
 * The ops of a step as rows, in order of first execution.
 * @param by `kind`: all layers and micro-batches together; `layer`: each layer apart; `op`: every op apart
 */
export function profileRows(
  ops: readonly ProfiledOp[],
  ceilings: Ceilings,
  by: 'kind' | 'layer' | 'op',
): ProfileRow[] {
  const rows = new Map<string, ProfileRow>()
  ops.forEach((op, i) => {
    const { layer, ...row } = rowOf(op)
    const key = JSON.stringify([
      row.phase,
      row.role,
      op.op,
      op.shapes,
      by !== 'kind' && layer,
      by === 'op' && i,
    ])
    const single = by === 'kind' || layer === undefined ? row : { ...row, layer }
    const before = rows.get(key)
    rows.set(key, before ? together(before, single, ceilings) : single)
  })
  return [...rows.values()]
}

function rowOf(profiled: ProfiledOp): ProfileRow {
  const { op, scope, shapes, runs, flops, bytes, seconds, floor } = profiled
  const [phase = '', ...rest] = scope
  const layer = rest.find(isLayer)
  return {
    op,
    phase,
    ...(layer !== undefined && { layer }),
    role: rest.filter((name) => !isLayer(name)).join(' '),
    shape: shapeOf(op, shapes),
    runs,
    flops,
    bytes,
    seconds,
    floor,
  }
}

function isLayer(name: string): boolean {
  return /^layers\.\d+$/.test(name)
}

function together(a: ProfileRow, b: ProfileRow, ceilings: Ceilings): ProfileRow {
  const flops = a.flops + b.flops
  const bytes = a.bytes + b.bytes
  return {
    ...a,
    runs: a.runs + b.runs,
    flops,
    bytes,
    seconds: a.seconds + b.seconds,
    floor: { seconds: a.floor.seconds + b.floor.seconds, bound: floorOf({ flops, bytes }, ceilings).bound },
  }
}

function shapeOf(op: string, shapes: ProfiledOp['shapes']): string {
  const { a, c } = shapes
  if (op === 'gemm' && a && c) {
    const [m, n] = c as [number, number]
    return [m, n, (a[0]! * a[1]!) / m].join('×')
  }
  return Object.values(shapes)[0]!.join('×')
}
