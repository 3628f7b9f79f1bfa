import { presets } from '../../lib/config/presets.js'

/** C, F, L, H */
export interface PresetShape {
  readonly width: number
  readonly feedForward: number
  readonly layers: number
  readonly heads: number
}

/** Everything whose size decides how long a benchmark takes: one table for the device and one for the emulator. */
export interface CudaSizes {
  readonly presets: Readonly<Record<string, PresetShape>>
  /** Presets whose row kernels, head and whole steps are measured; products are measured for all. */
  readonly main: readonly string[]
  /** V */
  readonly vocabulary: number
  /** R of the ops on rows. */
  readonly rows: number
  /** T of the ops on rows, and of the whole steps. */
  readonly positions: number
  /** Rows of logits that the loss looks at at once. */
  readonly logitsRows: number
  readonly attention: readonly {
    readonly D: number
    readonly H: number
    readonly B: number
    readonly T: number
  }[]
  /** Elements of the optimizer's rows. */
  readonly flat: number
  /** Sequences in the micro-batch of a whole step, by preset. */
  readonly stepSequences: Readonly<Record<string, number>>
  /** A row runs over as many copies of its tensors as fill this many bytes, so that no cache holds them. */
  readonly rotatedBytes: number
  /** A timed run repeats the op for about so long. */
  readonly runSeconds: number
  /** Timed runs, of which the median counts. */
  readonly runs: number
}

/** K */
export const patches = [1, 4] as const

const paper = ['370m', '780m', '1.3b', '2.7b']
const headsOf: readonly (readonly [D: number, H: number])[] = [
  [64, 16],
  [80, 32],
  [96, 16],
  [128, 16],
]

export const deviceSizes: CudaSizes = {
  presets: Object.fromEntries(paper.map((name) => [name, presets[name]!])),
  main: ['370m', '1.3b'],
  vocabulary: 32_000,
  rows: 16_384,
  positions: 2048,
  logitsRows: 4096, // what the trainer takes at V = 32,000
  attention: headsOf.flatMap(([D, H]) => [
    { D, H, B: 16, T: 2048 },
    { D, H, B: 2, T: 8192 },
  ]),
  flat: 370_000_000,
  stepSequences: { '370m': 16, '1.3b': 8 },
  rotatedBytes: 256e6, // four times the 60 MB of L2 of an H200
  runSeconds: 0.02,
  runs: 5,
}

/** Large enough to fill a device, small enough to read results back: for checks of results. */
export const middleSizes: CudaSizes = {
  ...deviceSizes,
  presets: Object.fromEntries(deviceSizes.main.map((name) => [name, presets[name]!])),
  rows: 4096,
  logitsRows: 2048,
  attention: headsOf.map(([D, H]) => ({ D, H, B: 2, T: 2048 })),
  flat: 4_000_001,
}

/** The same rows, small enough for a machine that emulates the device. */
export const emulatorSizes: CudaSizes = {
  presets: {
    '370m': { width: 64, feedForward: 96, layers: 1, heads: 1 },
    '1.3b': { width: 128, feedForward: 96, layers: 1, heads: 1 },
  },
  main: ['370m', '1.3b'],
  vocabulary: 259,
  rows: 64,
  positions: 32,
  logitsRows: 32,
  attention: headsOf.map(([D]) => ({ D, H: 1, B: 1, T: 48 })),
  flat: 10_000,
  stepSequences: { '370m': 1, '1.3b': 1 },
  rotatedBytes: 1,
  runSeconds: 0,
  runs: 1,
}
