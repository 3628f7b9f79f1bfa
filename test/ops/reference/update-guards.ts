import type { OpTensor } from '../../helpers/run-op.js'

/** Whether grad_norm lets an update through, case by case. */
export interface GuardCase {
  readonly name: string
  /** Its norm is 5, where it is finite. */
  readonly gradient: readonly number[]
  readonly loss?: number
  /** Largest loss, largest norm. */
  readonly limits?: readonly [number, number]
  readonly apply: 0 | 1
}

/** The next double above or below a positive one. */
function neighbour(x: number, direction: 1 | -1): number {
  const bits = new BigInt64Array(Float64Array.of(x).buffer)
  bits[0]! += BigInt(direction)
  return new Float64Array(bits.buffer)[0]!
}

const losses: readonly { name: string; loss?: number; passes: boolean }[] = [
  { name: 'a finite loss', loss: 2.5, passes: true },
  { name: 'no loss given', passes: true },
  { name: 'a loss that is NaN', loss: NaN, passes: false },
  { name: 'a loss of +∞', loss: Infinity, passes: false },
  { name: 'a loss of −∞', loss: -Infinity, passes: false },
]

const limits: readonly {
  name: string
  limits?: [number, number]
  lossPasses: boolean
  normPasses: boolean
}[] = [
  { name: 'no limits given', lossPasses: true, normPasses: true },
  { name: 'limits of +∞', limits: [Infinity, Infinity], lossPasses: true, normPasses: true },
  { name: 'both exactly at their limits', limits: [2.5, 5], lossPasses: true, normPasses: true },
  {
    name: 'the loss just above its limit',
    limits: [neighbour(2.5, -1), 5],
    lossPasses: false,
    normPasses: true,
  },
  {
    name: 'the norm just above its limit',
    limits: [2.5, neighbour(5, -1)],
    lossPasses: true,
    normPasses: false,
  },
  { name: 'both above', limits: [1, 1], lossPasses: false, normPasses: false },
  { name: 'a NaN limit of the loss', limits: [NaN, 5], lossPasses: false, normPasses: true },
  { name: 'a NaN limit of the norm', limits: [2.5, NaN], lossPasses: true, normPasses: false },
  { name: 'limits of −∞', limits: [-Infinity, -Infinity], lossPasses: false, normPasses: false },
]

/** Every loss with every limit; then gradients that are not finite, with and without limits. */
export const guardCases: readonly GuardCase[] = [
  ...losses.flatMap(({ name, loss, passes }) =>
    limits.map((limit) => {
      const lossPasses = passes && (loss === undefined || limit.lossPasses)
      return guardCase(`${name}, ${limit.name}`, lossPasses && limit.normPasses, loss, limit.limits)
    }),
  ),
  ...[NaN, Infinity, -Infinity].flatMap((bad) => [
    { ...guardCase(`an element ${bad}, no limits given`, false, 2.5), gradient: [3, bad, 4] },
    {
      ...guardCase(`an element ${bad}, limits of +∞`, false, 2.5, [Infinity, Infinity]),
      gradient: [3, bad, 4],
    },
  ]),
]

function guardCase(
  name: string,
  applies: boolean,
  loss: number | undefined,
  limits?: readonly [number, number],
): GuardCase {
  return {
    name,
    gradient: [3, 4],
    ...(loss !== undefined && { loss }),
    ...(limits && { limits }),
    apply: applies ? 1 : 0,
  }
}

/** The op's tensors for a case; loss and limits only where it has them. */
export function guardedTensors({ gradient, loss, limits }: Omit<GuardCase, 'name' | 'apply'>) {
  const given: Record<string, OpTensor> = {
    ...(loss !== undefined && { loss: { data: Float64Array.of(loss), shape: [1] } }),
    ...(limits && { limits: { data: Float64Array.from(limits), shape: [2] } }),
  }
  return {
    ...given,
    gradient: { data: Float32Array.from(gradient), shape: [gradient.length] },
    result: { data: new Float64Array(3).fill(NaN), shape: [3] },
  }
}
