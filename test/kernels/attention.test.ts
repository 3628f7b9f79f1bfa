import { describe, expect, it } from 'vitest'
import { nanBf16, rounded, toBf16 } from '../helpers/bf16.js'
import { nans, normals } from '../helpers/random-data.js'
import { launchStats, smallDevice } from '../helpers/launch-stats.js'
import { runKernel } from '../helpers/run-kernel.js'
import { runOp } from '../helpers/run-op.js'
import { expectClose, expectCloseBf16 } from '../helpers/tolerance.js'
import { attention } from '../ops/reference/attention.js'
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
  { B: 2, T: 1, H: 1, G: 1, D: 32 },
  { B: 2, T: 17, H: 4, G: 2, D: 64 },
  { B: 2, T: 63, H: 3, G: 1, D: 80 },
  { B: 1, T: 64, H: 4, G: 2, D: 96 },
  { B: 2, T: 65, H: 1, G: 1, D: 128 },
  { B: 1, T: 127, H: 3, G: 1, D: 64 },
  { B: 2, T: 128, H: 1, G: 1, D: 96 },
  { B: 1, T: 128, H: 1, G: 1, D: 32 },
  { B: 1, T: 200, H: 1, G: 1, D: 128 },
  { B: 1, T: 200, H: 1, G: 1, D: 80 },
  { B: 1, T: 200, H: 1, G: 1, D: 96 },
  { B: 1, T: 257, H: 4, G: 2, D: 32 },
  { B: 1, T: 257, H: 1, G: 1, D: 64 },
  { B: 1, T: 1000, H: 1, G: 1, D: 64 },
  { B: 1, T: 130, H: 5, G: 5, D: 32 }, // heads in turns of 2, 2 and 1 on the emulator
]

const emulated = process.env['PATCHTRAIN_TEST_DEVICE'] === undefined
const paramsOf = ({ T, H, G, D }: Case) => ({ heads: H, kv_heads: G, head_dim: D, positions: T })

/** What the kernel reads: numbers that bf16 holds exactly. */
const qkvOf = ({ B, T, H, G, D }: Case, scale = 1) => rounded(normals(B * T * (H + 2 * G) * D, 1, scale))

function tensorsOf({ B, T, H, G, D }: Case, qkv: Float32Array) {
  return {
    qkv: { data: toBf16(qkv), shape: [B * T, (H + 2 * G) * D] },
    y: { data: nanBf16(B * T * H * D), shape: [B * T, H * D] },
    lse: { data: nans(B * H * T), shape: [B * H, T] },
  }
}

async function expectAgreement(c: Case, qkv: Float32Array, run: typeof runKernel = runKernel) {
  const reference = attention(qkv, c.T, c)
  const naive = attention(qkv, c.T, c, single, brain)
  for (const { y, lse } of await run('attention', tensorsOf(c, qkv), paramsOf(c))) {
    expectCloseBf16(y!, reference.y, naive.y, c.T)
    expectClose(lse!, reference.lse, reference.lse, c.T)
  }
}

describe('attention on CUDA', () => {
  it.each(cases)('agrees with the double reference: B $B, T $T, H $H, G $G, D $D', async (c) => {
    await expectAgreement(c, qkvOf(c))
  })

  it('stays accurate where scores are large and few keys take all', async () => {
    const c = { B: 1, T: 100, H: 2, G: 1, D: 64 }
    await expectAgreement(c, qkvOf(c, 4)) // scores up to about 60
  })

  it.runIf(emulated).each([80, 96, 128])(
    'agrees with the smaller tiles of small devices: D %i',
    async (D) => {
      const c = { B: 1, T: 190, H: 2, G: 1, D }
      await expectAgreement(c, qkvOf(c), async (...what) => [await runOp(...what, { device: smallDevice })])
    },
  )

  it.runIf(emulated).each([32, 64, 80, 96, 128])('reads shared memory without conflicts: D %i', async (D) => {
    const c = { B: 1, T: 130, H: 1, G: 1, D }
    for (const launch of await launchStats('attention', tensorsOf(c, qkvOf(c)), paramsOf(c))) {
      expect(launch.mma).toBeGreaterThan(0)
      expect(launch.ldmatrixConflicts).toBe(0)
    }
  })

  it('lets nothing of the future or of another sequence into a row', async () => {
    const c = { B: 2, T: 90, H: 2, G: 1, D: 32 }
    const [qkv, changed] = [qkvOf(c), qkvOf(c)]
    const W = (c.H + 2 * c.G) * c.D
    changed.set(rounded(normals(W, 5, 1e3)), 70 * W) // row 70 of sequence 0: query, key and value
    const before = await runKernel('attention', tensorsOf(c, qkv), paramsOf(c))
    const after = await runKernel('attention', tensorsOf(c, changed), paramsOf(c))
    before.forEach(({ y }, run) => {
      const width = c.H * c.D
      for (let r = 0; r < 2 * c.T; r++) {
        const same = y!
          .subarray(r * width, (r + 1) * width)
          .every((value, i) => value === after[run]!.y![r * width + i])
        expect(same, `row ${r}`).toBe(r < 70 || r >= c.T)
      }
    })
  })

  it('refuses head dims without a kernel', async () => {
    const c = { B: 1, T: 3, H: 1, G: 1, D: 48 }
    await expect(runKernel('attention', tensorsOf(c, qkvOf(c)), paramsOf(c))).rejects.toThrow(
      "head_dim is 48; the CUDA kernels exist for 32, 64, 80, 96 and 128 (or use device: 'cpu')",
    )
  })
})
