import { describe, expect, it } from 'vitest'
import { nanBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { normals } from '../helpers/random-data.js'
import { launchStats, smallDevice } from '../helpers/launch-stats.js'
import { runKernel, trainingDevice } from '../helpers/run-kernel.js'
import { runOp } from '../helpers/run-op.js'
import { expectCloseBf16 } from '../helpers/tolerance.js'
import { attention, attentionBackward } from '../ops/reference/attention.js'
import { brain, single } from '../ops/reference/precision.js'

interface Case {
  B: number
  T: number
  H: number
  G: number
  D: number
}
// Around the bands (16 rows), streamed tiles (32 and 64) and kept tiles (128) of the kernels, each with every head dim
// somewhere, and every grouping.
const cases: Case[] = [
  { B: 2, T: 1, H: 1, G: 1, D: 64 },
  { B: 2, T: 17, H: 4, G: 2, D: 32 },
  { B: 2, T: 63, H: 1, G: 1, D: 80 },
  { B: 2, T: 64, H: 3, G: 1, D: 64 },
  { B: 1, T: 65, H: 4, G: 2, D: 96 },
  { B: 1, T: 127, H: 2, G: 1, D: 128 },
  { B: 1, T: 128, H: 3, G: 1, D: 80 },
  { B: 1, T: 200, H: 1, G: 1, D: 96 },
  { B: 1, T: 200, H: 1, G: 1, D: 128 },
  { B: 1, T: 257, H: 1, G: 1, D: 64 },
  { B: 1, T: 257, H: 2, G: 1, D: 32 },
  { B: 1, T: 520, H: 1, G: 1, D: 32 },
  { B: 1, T: 130, H: 5, G: 5, D: 32 }, // heads in turns of 2, 2 and 1 on the emulator
]

const emulated = process.env['PATCHTRAIN_TEST_DEVICE'] === undefined
const paramsOf = ({ T, H, G, D }: Case) => ({ heads: H, kv_heads: G, head_dim: D, positions: T })

/** What the kernels read: numbers that bf16 holds exactly, and the forward results as the forward kernel leaves them. */
function setUp(c: Case, scale = 1) {
  const { B, T, H, G, D } = c
  const qkv = rounded(normals(B * T * (H + 2 * G) * D, 1, scale))
  const dy = rounded(normals(B * T * H * D, 2))
  const { y, lse } = attention(qkv, T, c)
  const rows = [B * T, H * D]
  const tensors = {
    qkv: { data: toBf16(qkv), shape: [B * T, (H + 2 * G) * D] },
    y: { data: toBf16(y), shape: rows },
    dy: { data: toBf16(dy), shape: rows },
    lse: { data: Float32Array.from(lse), shape: [B * H, T] },
    dqkv: { data: nanBf16(qkv.length), shape: [B * T, (H + 2 * G) * D] },
  }
  return { qkv, dy, tensors }
}

async function expectAgreement(c: Case, scale = 1, run: typeof runKernel = runKernel) {
  const { qkv, dy, tensors } = setUp(c, scale)
  const reference = attentionBackward(qkv, dy, c.T, c)
  const naive = attentionBackward(qkv, dy, c.T, c, single, brain)
  for (const { dqkv } of await run('attention_backward', tensors, paramsOf(c)))
    expectCloseBf16(dqkv!, reference, naive, c.T)
}

describe('attention_backward on CUDA', () => {
  it.each(cases)('agrees with the double reference: B $B, T $T, H $H, G $G, D $D', async (c) => {
    await expectAgreement(c)
  })

  it('agrees with the double reference over many tiles', async () => {
    const c = { B: 1, T: 1000, H: 1, G: 1, D: 64 }
    await expectAgreement(c, 1, async (...what) => [await runOp(...what, { device: trainingDevice })])
  })

  it('stays accurate where scores are large and few keys take all', async () => {
    await expectAgreement({ B: 1, T: 100, H: 2, G: 1, D: 64 }, 4) // scores up to about 60
  })

  it.runIf(emulated).each([32, 64, 80, 96, 128])(
    'agrees with the smaller tiles of small devices: D %i',
    async (D) => {
      const c = { B: 1, T: 150, H: 2, G: 1, D }
      await expectAgreement(c, 1, async (...what) => [await runOp(...what, { device: smallDevice })])
    },
  )

  it.runIf(emulated).each([32, 64, 80, 96, 128])('reads shared memory without conflicts: D %i', async (D) => {
    const c = { B: 1, T: 130, H: 1, G: 1, D }
    const launches = await launchStats('attention_backward', setUp(c).tensors, paramsOf(c))
    expect(launches.map((launch) => launch.mma > 0)).toEqual([false, true, true])
    expect(launches.map((launch) => launch.ldmatrixConflicts)).toEqual([0, 0, 0])
  })

  it('refuses head dims without a kernel', async () => {
    const c = { B: 1, T: 3, H: 1, G: 1, D: 48 }
    await expect(runKernel('attention_backward', setUp(c).tensors, paramsOf(c))).rejects.toThrow(
      "head_dim is 48; the CUDA kernels exist for 32, 64, 80, 96 and 128 (or use device: 'cpu')",
    )
  })
})
