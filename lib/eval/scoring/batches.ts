import { PrefixTree } from './prefix-tree.js'
import type { TokenSequence } from './sequence.js'

/** Sequences that go into one batch together, because they share their beginnings. */
export interface Scorable {
  readonly sequences: readonly TokenSequence[]
  /** Scorables of one group share a prefix before their own context; they lie side by side. */
  readonly group: string
}

/** What runs at once, and its shape. */
export interface Batch<S extends Scorable = Scorable> {
  readonly members: readonly S[]
  /** R: rows of the decoder, at least one for each node of the members' prefix tree. */
  readonly rows: number
  /** Paths that attention sees, each of `positions`. */
  readonly paths: number
  readonly positions: number
}

/**
 * Rows that attention may see for each row of the decoder: a shared prefix comes again in every path. With more, moving
 * them would cost what sharing saves.
 */
const attentionSpread = 6

/**
 * Cuts what is to be scored into batches of `rows` rows at most (what alone needs more has a batch of its own): by group,
 * then by length, the longest first, else in order. So the paths of a batch have about one length, a lack of memory shows
 * at the start, and the time that remains is not underestimated. The cut is a function of the scorables alone.
 */
export function planBatches<S extends Scorable>(scorables: readonly S[], rows: number): Batch<S>[] {
  const sorted = scorables
    .map((scorable) => ({
      scorable,
      length: Math.max(...scorable.sequences.map(({ ids }) => ids.length - 1)),
    }))
    .sort((a, b) => compare(a.scorable.group, b.scorable.group) || b.length - a.length)
  const batches: Batch<S>[] = []
  let open = new OpenBatch<S>()
  for (const { scorable, length } of sorted) {
    const grown = open.with(scorable, length)
    const full = grown.nodes > rows || grown.paths * roundPositions(grown.length) > attentionSpread * rows
    if (full && open.members.length > 0) {
      batches.push(open.close())
      open = new OpenBatch()
      open.accept(open.with(scorable, length), scorable)
    } else open.accept(grown, scorable)
  }
  if (open.members.length > 0) batches.push(open.close())
  return batches
}

interface Size {
  readonly nodes: number
  readonly paths: number
  readonly length: number
}

class OpenBatch<S extends Scorable> {
  readonly members: S[] = []
  readonly #tree = new PrefixTree()
  #size: Size = { nodes: 0, paths: 0, length: 0 }

  /** The size with one more. The tree then holds it, whether it is accepted or the batch closes without. */
  with(scorable: S, length: number): Size {
    for (const sequence of scorable.sequences) this.#tree.add(sequence)
    const { tokens, pathsAtMost } = this.#tree
    return { nodes: tokens.length, paths: pathsAtMost, length: Math.max(this.#size.length, length) }
  }

  accept(size: Size, scorable: S): void {
    this.#size = size
    this.members.push(scorable)
  }

  close(): Batch<S> {
    const { nodes, paths, length } = this.#size
    return {
      members: this.members,
      rows: Math.ceil(nodes / 64) * 64,
      paths: Math.ceil(paths / 4) * 4,
      positions: roundPositions(length),
    }
  }
}

/** Few shapes for few recorded plans, without much padding. */
function roundPositions(length: number): number {
  const step = length <= 128 ? 16 : length <= 512 ? 32 : 128
  return Math.ceil(length / step) * step
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
