import { PatchTrainError } from '../../errors.js'
import { ropeTables } from '../../model/rope.js'
import { Buffers, LayoutBuilder } from '../../tensor/layout.js'
import { readTensor, writeTensor } from '../../tensor/tensor.js'
import type { ComputeType, Region } from '../../native/device.js'
import type { EvaluatedModel } from '../evaluated-model.js'
import type { Batch } from './batches.js'
import { PrefixTree } from './prefix-tree.js'
import {
  headLayout,
  recordHeadPass,
  recordTreePass,
  treeLayout,
  type HeadPass,
  type TreePass,
} from './recorded.js'

/**
 * Rows of the decoder at a time. CPU: more rows share more and pack the weights less often, see docs/evaluation.md for the
 * measurement. CUDA: enough to fill the device.
 */
export const rowsAtOnce: Record<ComputeType, number> = { f32: 1024, bf16: 8192 }

/** Logits held at a time: 32 Mi values, 128 MB on the CPU. */
const logitsBudget = 32 << 20

/** Log-likelihoods of token sequences under a model: forward passes only, on any device. Dispose of it when done. */
export class SequenceScorer {
  readonly #model: EvaluatedModel
  readonly #regions: Region[] = []
  readonly #rope: Buffers
  readonly #activations: Region
  readonly #head: Region
  readonly #largestHead: number
  readonly #passes = new Map<string, RecordedPass>()
  readonly #ready: Promise<unknown>

  /** @param batches all that will be scored: memory is what the largest takes */
  constructor(model: EvaluatedModel, batches: readonly Batch[]) {
    this.#model = model
    const { device, model: shape } = model
    const { compute } = device
    const most = (of: (batch: Batch) => number) => Math.max(1, ...batches.map(of))
    const positions = most((batch) => batch.positions)
    const fitting = Math.max(32, 2 ** Math.floor(Math.log2(logitsBudget / shape.vocabSize)))
    this.#largestHead = Math.min(fitting, headRows(most(picksOf)))

    const allocate = (bytes: number, label: string) => {
      const region = device.allocate(bytes, label)
      this.#regions.push(region)
      return region
    }
    const half = shape.headDim / 2
    const rope = new LayoutBuilder(compute)
      .add('cos', 'f32', positions, half)
      .add('sin', 'f32', positions, half)
      .build()
    this.#rope = new Buffers(allocate(rope.bytes, 'rotary tables'), rope)
    this.#activations = allocate(
      most((batch) => treeLayout(compute, shape, batch).bytes),
      'activations',
    )
    this.#head = allocate(headLayout(compute, shape, this.#largestHead).bytes, 'logits')
    const tables = ropeTables(shape, positions)
    this.#ready = Promise.all([
      writeTensor(this.#rope.get('cos'), tables.cos),
      writeTensor(this.#rope.get('sin'), tables.sin),
    ])
    this.#ready.catch(() => undefined) // reported where it is awaited
  }

  /**
   * Log-likelihoods in nats, for each member of the batch and each of its sequences: the sum over the scored tokens.
   * @throws {PatchTrainError} `ERR_NON_FINITE` when the model computes NaN
   */
  async score(batch: Batch): Promise<number[][]> {
    await this.#ready
    const tree = new PrefixTree()
    const picked: number[] = []
    const labels: number[] = []
    const counts = batch.members.map(({ sequences }) =>
      sequences.map((sequence) => {
        const path = tree.add(sequence)
        for (let t = path.length - sequence.scored; t < path.length; t++) {
          picked.push(path[t]!)
          labels.push(sequence.ids[t + 1]!)
        }
        return sequence.scored
      }),
    )
    const losses = await this.#run(batch, tree, picked, labels)
    let at = 0
    return counts.map((ofMember) =>
      ofMember.map((scored) => {
        const sum = losses.subarray(at, at + scored).reduce((total, loss) => total - loss, 0)
        if (Number.isNaN(sum)) throw notANumber()
        at += scored
        return sum
      }),
    )
  }

  /** Idempotent. */
  dispose(): void {
    for (const pass of this.#passes.values()) disposePass(pass)
    this.#passes.clear()
    for (const region of this.#regions.splice(0)) region.dispose()
  }

  /** Queues the pass over the tree and the head over what was picked, and waits for all losses. */
  async #run(batch: Batch, tree: PrefixTree, picked: number[], labels: number[]): Promise<Float64Array> {
    const pass = this.#pass(batch)
    const { tree: inputs } = pass
    const { ids, spread, gather } = layOut(tree, batch)
    const queued: Promise<unknown>[] = [
      writeTensor(inputs.ids, ids),
      writeTensor(inputs.spread, spread),
      writeTensor(inputs.gather, gather),
      inputs.plan.run(),
    ]
    const losses = new Float64Array(picked.length)
    for (let first = 0; first < picked.length;) {
      const begin = first
      const count = Math.min(this.#largestHead, picked.length - begin)
      const head = this.#headOf(pass, headRows(count))
      const rows = new Int32Array(head.picked.shape[1]!)
      const wanted = new Int32Array(head.labels.shape[1]!)
      for (let j = 0; j < count; j++) {
        rows[j] = picked[begin + j]!
        wanted[j + 1] = labels[begin + j]!
      }
      queued.push(
        writeTensor(head.picked, rows),
        writeTensor(head.labels, wanted),
        head.plan.run(),
        readTensor({ ...head.loss, dtype: 'f64' }).then((read) => losses.set(read.subarray(0, count), begin)),
      )
      first += count
    }
    await Promise.all(queued)
    return losses
  }

  #pass(batch: Batch): RecordedPass {
    const key = `${batch.rows} ${batch.paths} ${batch.positions}`
    const recorded = this.#passes.get(key)
    if (recorded) return recorded
    if (this.#passes.size === keptPasses) {
      const [oldest, pass] = this.#passes.entries().next().value!
      disposePass(pass)
      this.#passes.delete(oldest)
    }
    const places = {
      activations: this.#activations,
      cos: this.#rope.get('cos'),
      sin: this.#rope.get('sin'),
    }
    const pass = { tree: recordTreePass(this.#model, batch, places), heads: new Map<number, HeadPass>() }
    this.#passes.set(key, pass)
    return pass
  }

  #headOf({ tree, heads }: RecordedPass, picks: number): HeadPass {
    let head = heads.get(picks)
    if (!head) {
      head = recordHeadPass(this.#model, picks, { region: this.#head, hidden: tree.hidden })
      heads.set(picks, head)
    }
    return head
  }
}

/** The pass of one shape, and the heads that have read from it so far, by their rows. */
interface RecordedPass {
  readonly tree: TreePass
  readonly heads: Map<number, HeadPass>
}

function disposePass({ tree, heads }: RecordedPass): void {
  tree.plan.dispose()
  for (const { plan } of heads.values()) plan.dispose()
}

/** Sorted batches seldom come back to a shape once they have left it. */
const keptPasses = 16

/** Inputs of a pass. Rows and places without a node read node 0; nothing that comes of them is looked at. */
function layOut(tree: PrefixTree, { rows, paths: B, positions: T }: Batch) {
  const ids = new Int32Array(rows)
  ids.set(tree.tokens)
  const spread = new Int32Array(B * T)
  const gather = new Int32Array(rows)
  for (const [b, path] of tree.paths().entries()) {
    spread.set(path, b * T)
    for (let t = 0; t < path.length; t++) gather[path[t]!] = b * T + t
  }
  return { ids, spread, gather }
}

function picksOf(batch: Batch): number {
  return batch.members.reduce(
    (sum, { sequences }) => sum + sequences.reduce((inner, { scored }) => inner + scored, 0),
    0,
  )
}

/** Few sizes for few recorded heads: powers of two and the halves between them, 32 at least. */
function headRows(picks: number): number {
  let size = 32
  while (size < picks) size = Number.isInteger(Math.log2(size)) ? size * 1.5 : (size / 3) * 4
  return size
}

function notANumber(): PatchTrainError {
  return new PatchTrainError(
    'ERR_NON_FINITE',
    'The model computes NaN: its weights are damaged, or diverged in training. Evaluate an earlier checkpoint.',
  )
}
