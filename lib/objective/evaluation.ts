import type { ModelConfig } from '../config/types.js'
import { Buffers, type Layout } from '../tensor/layout.js'
import { readTensor, writeTensor } from '../tensor/tensor.js'
import type { ComputeType, Region } from '../native/device.js'
import {
  microStepLayout,
  recordEvaluationStep,
  scoredPositions,
  type MicroStep,
  type MicroStepContext,
  type MicroStepShape,
} from './micro-step.js'

/** The mean next-token loss over blocks of text, as the paper and its repository measure it. */
export interface BlockLoss {
  /** Mean over all blocks, each with equal weight, nats a token. */
  readonly loss: number
  /** Loss of each block. */
  readonly blockLosses: readonly number[]
}

/**
 * Scores blocks of T tokens, always token by token. A block predicts its tokens 2 … T from those before them; nothing is
 * carried from one block to the next.
 */
export class BlockEvaluator {
  readonly shape: MicroStepShape
  readonly #step: MicroStep

  static layout(compute: ComputeType, model: ModelConfig, shape: MicroStepShape): Layout {
    return microStepLayout(model, shape, 'evaluate', { compute })
  }

  /** `region` may be shared with whatever does not run at the same time. */
  constructor(context: MicroStepContext, shape: MicroStepShape, region: Region) {
    this.shape = shape
    const buffers = new Buffers(region, BlockEvaluator.layout(context.device.compute, context.model, shape))
    this.#step = recordEvaluationStep(context, shape, buffers, 'evaluation')
  }

  /**
   * @param blocks how many blocks there are
   * @param read fills ids [B·T] with B blocks from the given one on; fewer at the end
   */
  async evaluate(
    blocks: number,
    read: (firstBlock: number, ids: Int32Array) => Promise<void>,
    options: { signal?: AbortSignal | undefined; onProgress?: ((done: number) => void) | undefined } = {},
  ): Promise<BlockLoss> {
    const { sequences: B, positions: T } = this.shape
    const blockLosses: number[] = []
    for (let first = 0; first < blocks; first += B) {
      options.signal?.throwIfAborted()
      const count = Math.min(B, blocks - first)
      // The last batch is filled up with token 0; what comes of that is not looked at.
      const ids = new Int32Array(B * T)
      await read(first, ids.subarray(0, count * T))
      const [, , losses] = await Promise.all([
        writeTensor(this.#step.ids, ids),
        this.#step.plan.run(),
        readTensor({ ...this.#step.loss, dtype: 'f64' }),
      ])
      for (let b = 0; b < count; b++) {
        let sum = 0
        for (let t = 0; t < T; t++) sum += losses[b * T + t]!
        blockLosses.push(sum / scoredPositions({ ...this.shape, sequences: 1 }))
      }
      options.onProgress?.(first + count)
    }
    return { loss: blockLosses.reduce((a, b) => a + b, 0) / blockLosses.length, blockLosses }
  }

  describe() {
    return this.#step.plan.describe()
  }
}
