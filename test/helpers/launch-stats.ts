import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runOp, type OpTensor } from './run-op.js'
import { temporaryFolder } from './temporary-folder.js'

/** What the emulator counted in one kernel launch: instructions once a warp, cp.async once a thread. */
export interface LaunchStats {
  readonly kernel: string
  readonly mma: number
  readonly ldmatrix: number
  readonly ldmatrixConflicts: number
  readonly cpAsync: number
}

/** Runs one op on the emulator and gives back the counts of its launches. */
export async function launchStats(
  op: string,
  tensors: Record<string, OpTensor>,
  params: Record<string, number>,
  device = 'cuda-emu:policy=sequential',
): Promise<LaunchStats[]> {
  const file = join(temporaryFolder(), 'stats.jsonl')
  process.env['PATCHTRAIN_SIMT_STATS'] = file
  try {
    await runOp(op, tensors, params, { device: `${device},stats` })
  } finally {
    delete process.env['PATCHTRAIN_SIMT_STATS']
  }
  const lines = readFileSync(file, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as LaunchStats)
}

/** A device with little shared memory, which makes kernels choose their smaller tiles: RTX 30, 40 and 50, A10, L4. */
export const smallDevice = 'cuda-emu:policy=pct,seed=3,check,capability=8.6,shared=101376'
