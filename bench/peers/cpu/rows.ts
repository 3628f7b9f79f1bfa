// What is measured: whole training steps of bench/step/models.ts, and the operations that PyTorch has a counterpart of.
import { stepConfig, stepModels, type StepModel } from '../../step/models.js'
import { learningRate } from '../../step/session.js'
import type { OptimizerTask, Task } from './protocol.js'

export interface PeerRow {
  /** `step C256 V512`, `attention forward B2 T1024 H8 D64`. */
  readonly name: string
  readonly task: Omit<Task, 'threads' | 'form' | 'inputs'>
  /** The model of a step. */
  readonly model?: StepModel
  readonly peers: readonly Peer[]
}

/** PyTorch in one of its forms. */
export interface Peer {
  readonly name: string
  readonly form: 'eager' | 'compile'
  /** With the settings that make it faster (torch-settings.ts), or as it comes. */
  readonly tuned: boolean
}

export const eager: Peer = { name: 'torch eager', form: 'eager', tuned: true }
export const compiled: Peer = { name: 'torch.compile', form: 'compile', tuned: true }
const asItComes: readonly Peer[] = [
  { name: 'torch eager as it comes', form: 'eager', tuned: false },
  { name: 'torch.compile as it comes', form: 'compile', tuned: false },
]

const optimizer: OptimizerTask = { learningRate, ...stepConfig(stepModels[0]!, 1).optimizer }

function step(model: StepModel): PeerRow {
  const { name, ...dims } = model
  return {
    name: `step ${name}`,
    model,
    task: { work: 'step', dims, optimizer, warmUps: 2, repeats: 1 },
    peers: [eager, compiled, ...asItComes],
  }
}

function operation(
  name: string,
  work: string,
  dims: Record<string, number>,
  repeats: number,
  peers = [eager],
): PeerRow {
  return { name, task: { work, dims, optimizer, warmUps: 3, repeats }, peers }
}

function attention(B: number, T: number, H: number): PeerRow[] {
  const dims = { B, T, H, D: 64 }
  const sizes = `B${B} T${T} H${H} D64`
  return [
    operation(`attention forward ${sizes}`, 'attention', dims, 10),
    operation(`attention backward ${sizes}`, 'attention_backward', dims, 5),
  ]
}

/** The three products of a linear layer, y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x, as C[m, n] = op(A)·op(B). */
function linear(rows: number, outputs: number, inputs: number): PeerRow[] {
  const sizes = `${rows}×${outputs}×${inputs}`
  const product = (which: string, m: number, n: number, k: number, transA: number, transB: number) =>
    operation(`linear ${which} ${sizes}`, 'product', { m, n, k, transA, transB }, 3)
  return [
    product('y', rows, outputs, inputs, 0, 1),
    product('dx', rows, inputs, outputs, 0, 0),
    product('dW', outputs, inputs, rows, 1, 0),
  ]
}

export const peerRows: readonly PeerRow[] = [
  ...stepModels.map(step),
  ...attention(2, 1024, 8),
  ...attention(8, 256, 4),
  ...linear(2048, 1536, 512),
  operation('cross-entropy and gradient 512×32000', 'cross_entropy', { R: 512, V: 32_000 }, 3, [
    eager,
    compiled,
  ]),
  operation('clip + AdamW n 3290000', 'adamw', { n: 3_290_000 }, 10),
]
