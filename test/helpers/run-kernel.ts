// Runs one op on a CUDA device: on the emulator, under every scheduler and with its checker, and, when nvcc was there to
// build it, as nvcc's own PTX. With PATCHTRAIN_TEST_DEVICE=cuda the same tests run on a real device, twice.
import { expect } from 'vitest'
import { hasPtx, realDevice } from './emulator.js'
import { runOp, type OpResults, type OpTensor } from './run-op.js'

export { hasPtx, kernelsMissing } from './emulator.js'

/** Kernels in their own source: they must agree bit for bit, whatever the order in which threads run. */
const sourceRuns = realDevice
  ? [realDevice, realDevice]
  : ['cuda-emu:policy=sequential,check', 'cuda-emu:policy=pct,seed=1,check', 'cuda-emu:policy=random,seed=2']

/** The device code that nvcc made: it may fuse and approximate where the host compiler does not. */
export const ptxDevice = 'cuda-emu:policy=sequential,check,ptx'

/** For whole runs: without the checker, which costs three times the rest. */
export const trainingDevice = realDevice ?? 'cuda-emu'

/** For short runs: another schedule of threads, with the checker. */
export const checkedTrainingDevice = realDevice ?? 'cuda-emu:policy=pct,seed=5,check'

/** The results that a test must judge: of the source, and of the PTX where there is one. */
export async function runKernel<Tensors extends Record<string, OpTensor>>(
  op: string,
  tensors: Tensors,
  params: Record<string, number> = {},
): Promise<OpResults<Tensors>[]> {
  const [first = '', ...others] = sourceRuns
  const result = await runOp(op, tensors, params, { device: first })
  for (const device of others) {
    const again = await runOp(op, tensors, params, { device })
    for (const name of Object.keys(result))
      expect(bytesOf(again[name]!).equals(bytesOf(result[name]!)), `${op}: ${name} on ${device}`).toBe(true)
  }
  if (!hasPtx) return [result]
  return [result, await runOp(op, tensors, params, { device: ptxDevice })]
}

const bytesOf = (data: ArrayBufferView) => Buffer.from(data.buffer, data.byteOffset, data.byteLength)
