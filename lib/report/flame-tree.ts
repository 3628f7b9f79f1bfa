import type { Ceilings } from '../native/addon.js'
import { profileRows, type ProfileRow } from './profile-rows.js'
import type { StepProfile } from './profile.js'

/** A span of a step's time, and what it is made of, in order of execution. */
export interface FlameNode {
  readonly name: string
  readonly seconds: number
  readonly floorSeconds: number
  readonly children: readonly FlameNode[]
  /** Of an op. */
  readonly row?: ProfileRow
}

/**
 * A step as a tree: step → phase → layer → op. What does the same in the same layer, in several micro-batches say, is one
 * op; what lies in no layer hangs from its phase.
 */
export function flameTree(step: StepProfile, ceilings: Ceilings): FlameNode {
  const ops = profileRows(step.ops, ceilings, 'layer').map((row) => ({ row, node: opNode(row) }))
  const phases = grouped(ops, ({ row }) => row.phase).map(([phase, inPhase]) =>
    parent(
      phase,
      grouped(inPhase, ({ row }) => row.layer).flatMap(([layer, inLayer]) => {
        const nodes = inLayer.map(({ node }) => node)
        return layer === undefined ? nodes : [parent(layer, nodes)]
      }),
    ),
  )
  return parent('step', phases)
}

function opNode(row: ProfileRow): FlameNode {
  return {
    name: row.role || row.op,
    seconds: row.seconds,
    floorSeconds: row.floor.seconds,
    children: [],
    row,
  }
}

function parent(name: string, children: readonly FlameNode[]): FlameNode {
  const total = (of: 'seconds' | 'floorSeconds') => children.reduce((sum, child) => sum + child[of], 0)
  return { name, seconds: total('seconds'), floorSeconds: total('floorSeconds'), children }
}

/** Neighbours with the same key, together. */
function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): [K, T[]][] {
  const groups: [K, T[]][] = []
  for (const item of items) {
    const last = groups.at(-1)
    if (last && last[0] === keyOf(item)) last[1].push(item)
    else groups.push([keyOf(item), [item]])
  }
  return groups
}
