import type { StepShares } from '../report.js'
import type { StepAnswer } from './process.js'

/** Where the time of the steps went, as shares of it. */
export function sharesOf(answers: readonly Pick<StepAnswer, 'seconds' | 'nanoseconds'>[]): StepShares {
  const wall = answers.flatMap(({ seconds }) => seconds).reduce((sum, s) => sum + s, 0)
  const shares = { gemm: 0, attention: 0, crossEntropy: 0, otherOps: 0 }
  for (const [op, nanoseconds] of answers.flatMap((answer) => Object.entries(answer.nanoseconds)))
    shares[kindOf(op)] += nanoseconds / 1e9 / wall
  return shares
}

function kindOf(op: string): keyof StepShares {
  if (op.startsWith('gemm')) return 'gemm'
  if (op.startsWith('attention')) return 'attention'
  return op.startsWith('cross_entropy') ? 'crossEntropy' : 'otherOps'
}
