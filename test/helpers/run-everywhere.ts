// Runs one op on every instruction-set level this processor has, each with 1, 2 and 3 threads. The three must agree
// bit for bit: that is the promise of determinism, checked wherever an op is tested at all.
import { expect } from 'vitest'
import { runOp, supportedLevels, type OpResults, type OpTensor } from './run-op.js'

const bytesOf = (data: ArrayBufferView) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)

/** The outputs of each level: they differ by rounding, as the width of their vectors does. */
export async function runEverywhere<Tensors extends Record<string, OpTensor>>(
  op: string,
  tensors: Tensors,
  params: Record<string, number>,
): Promise<OpResults<Tensors>[]> {
  const results: OpResults<Tensors>[] = []
  for (const level of supportedLevels()) {
    const alone = await runOp(op, tensors, params, { level, threads: 1 })
    for (const threads of [2, 3]) {
      const shared = await runOp(op, tensors, params, { level, threads })
      for (const name of Object.keys(alone)) {
        const same = bytesOf(shared[name]!).equals(bytesOf(alone[name]!))
        expect(same, `${level}: ${name} with ${threads} threads`).toBe(true)
      }
    }
    results.push(alone)
  }
  return results
}
