// Who computes a matrix product: against a stand-in for cuBLASLt (native/simt/fake_cublaslt) on the emulator.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Device, type Region } from '../../lib/native/device.js'
import { loadAddon } from '../../lib/native/load.js'
import { fromBf16 } from '../helpers/bf16.js'
import { runOp } from '../helpers/run-op.js'
import { gemm, type Product } from '../ops/reference/gemm.js'
import { bf16Operands, expectProduct, gemmParams } from './expect-product.js'

const emulated = 'cuda-emu:policy=sequential,check'
const folder = dirname(loadAddon().path)
const fake = join(folder, 'fake-cublaslt.so')

/** The first byte names an algorithm of the fake; its second word, from digit 16 on, is the workspace that it wants. */
const slow = '02'
const fast = '05'

interface Choices {
  library: string
  device: string
  products: Record<string, { algo: string; microseconds: number; candidates: number }>
}

const product: Product = { M: 128, N: 128, inner: 128, transA: false, transB: true }
const name = '128 128 128 nt set f32'

/** A device with the operands of `product` in its memory, and a plan that multiplies them. */
async function prepare(product: Product, device = emulated) {
  const opened = Device.create({ device })
  const { M, N, inner, transA, transB } = product
  const operands = bf16Operands(product)
  const place = async (data: Uint16Array, label: string) => {
    const region = opened.allocate(data.byteLength, label)
    await region.write(0, data)
    return region
  }
  const [a, b] = [await place(operands.a.data, 'a'), await place(operands.b.data, 'b')]
  const c = opened.allocate(M * N * 4, 'c')
  const at = (region: Region, dtype: 'bf16' | 'f32', shape: number[]) => ({
    region: region.id,
    offset: 0,
    dtype,
    shape,
  })
  const plan = opened.createPlan('product')
  plan.record(
    'gemm',
    {
      a: at(a, 'bf16', transA ? [inner, M] : [M, inner]),
      b: at(b, 'bf16', transB ? [N, inner] : [inner, N]),
      c: at(c, 'f32', [M, N]),
    },
    gemmParams(product, false),
  )
  return {
    device: opened,
    run: async () => {
      await plan.run()
      return new Float32Array(await c.read(0, M * N * 4))
    },
    choices: async () => JSON.parse(await opened.choices()) as Choices,
    /** What the fake computes: sums in double, rounded once. */
    expected: Float32Array.from(gemm(fromBf16(operands.a.data), fromBf16(operands.b.data), product)),
  }
}

let before: string | undefined
beforeEach(() => {
  before = process.env['PATCHTRAIN_CUBLASLT']
  process.env['PATCHTRAIN_CUBLASLT'] = fake
})
afterEach(() => {
  if (before === undefined) delete process.env['PATCHTRAIN_CUBLASLT']
  else process.env['PATCHTRAIN_CUBLASLT'] = before
})

const edit = (choices: Choices, algo: string): string => {
  const copy = structuredClone(choices)
  copy.products[name]!.algo = algo
  return JSON.stringify(copy)
}

describe.skipIf(!existsSync(fake))('products by cuBLASLt', () => {
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('describes every product as the library wants it, transposed %s, %s', async (transA, transB) => {
    const shape = { M: 40, N: 24, inner: 17, transA, transB }
    const run: Parameters<typeof expectProduct>[3] = async (op, tensors, params) => [
      await runOp(op, tensors, params, { device: emulated }),
    ]
    for (const output of ['bf16', 'f32'] as const)
      for (const accumulate of [false, true]) await expectProduct(shape, accumulate, output, run)
  })

  it('times what gives the same bits every time, keeps the fastest, and runs it again from a graph', async () => {
    const { device, run, choices, expected } = await prepare(product)
    expect(await run()).toEqual(expected)
    const first = await choices()
    expect(await run()).toEqual(expected)
    expect(await choices()).toEqual(first)
    expect(first.library).toBe('cublasLt 13.1.1')
    const { algo, microseconds, candidates } = first.products[name]!
    expect(algo).toHaveLength(128)
    expect(algo.slice(0, 2), 'not the one that changes, nor the slow one').toBe(fast)
    expect(candidates, 'a slow one, a fast one and our own').toBe(3)
    expect(microseconds).toBeGreaterThan(0)
    expect(device.notes()).toEqual([`matrix products by cuBLASLt 13.1.1 (${fake})`])
    device.dispose()
  })

  it('takes the algorithms of an earlier run, be they slower', async () => {
    const earlier = await prepare(product)
    await earlier.run()
    const made = await earlier.choices()
    const slower = `${slow}${made.products[name]!.algo.slice(2, 16)}${'0'.repeat(16)}${made.products[name]!.algo.slice(32)}`
    for (const algo of [slower, 'own']) {
      const later = await prepare(product)
      await later.device.restoreChoices(edit(made, algo))
      const result = await later.run()
      if (algo === slower) expect(result).toEqual(later.expected)
      else expect(result).not.toEqual(later.expected)
      expect((await later.choices()).products[name]).toEqual({ ...made.products[name]!, algo })
      expect(later.device.notes()).toHaveLength(1)
      later.device.dispose()
    }
    earlier.device.dispose()
  })

  it('never hands the library an algorithm that it does not offer', async () => {
    const { device, run, choices, expected } = await prepare(product)
    await run()
    const made = await choices()
    for (const algo of ['01' + '0'.repeat(126), 'f'.repeat(128), 'zz', '']) {
      const later = await prepare(product)
      await later.device.restoreChoices(edit(made, algo))
      expect(await later.run()).toEqual(expected)
      expect((await later.choices()).products[name]!.algo.slice(0, 2)).toBe(fast)
      expect(later.device.notes()[1]).toBe(
        `the algorithm that the run used for the product ${name} is not offered any more: one was chosen anew, and ` +
          'results may differ in the last bits',
      )
      later.device.dispose()
    }
    device.dispose()
  })

  it('says so when a run goes on with another library or device', async () => {
    const { device, run, choices, expected } = await prepare(product)
    await run()
    const made = await choices()
    const later = await prepare(product)
    await later.device.restoreChoices(JSON.stringify({ ...made, library: 'cublasLt 12.6.4' }))
    expect(await later.run()).toEqual(expected)
    expect(later.device.notes()[1]).toBe(
      `matrix products were computed by cublasLt 12.6.4 on ${made.device}, and now are by cublasLt 13.1.1 on ` +
        `${made.device}: results may differ in the last bits`,
    )
    later.device.dispose()
    device.dispose()
  })

  it.each([
    '',
    '{',
    '[]',
    '{"library":"own"} and more',
    '{"library":1}',
    '{"products":{}}',
    '{"library":"own","x":{}}',
  ])('refuses %j in place of choices', async (text) => {
    const device = Device.create({ device: emulated })
    await expect(device.restoreChoices(text)).rejects.toThrow('are not as Products::choices writes them')
    device.dispose()
  })

  it('leaves to our own kernel what the library does not support', async () => {
    const { device, run, choices, expected } = await prepare({ ...product, inner: 13 })
    const result = await run()
    expected.forEach((value, i) => expect(result[i]).toBeCloseTo(value, 4))
    expect((await choices()).products['128 128 13 nt set f32']).toMatchObject({ algo: 'own', candidates: 1 })
    device.dispose()
  })

  it("takes the library's first choice, and says so, where no memory is left to time them", async () => {
    const long = { M: 1, N: 400, inner: 2000, transA: false, transB: true }
    const { device, run, choices, expected } = await prepare(long, `${emulated},memory=6500000`)
    expect(await run()).toEqual(expected)
    const { algo, microseconds } = (await choices()).products['1 400 2000 nt set f32']!
    expect([algo.slice(0, 2), microseconds]).toEqual([slow, 0])
    expect(device.notes()[1]).toBe(
      "no memory was left to time the algorithms for the product 1 400 2000 nt set f32: the library's first choice is used",
    )
    device.dispose()
  })
})

describe.skipIf(!existsSync(join(folder, 'patchtrain-cuda-emu.so')))('products without cuBLASLt', () => {
  it.each([
    ['', 'matrix products by our own kernels: the emulator has no others'],
    ['none', 'matrix products by our own kernels: as asked'],
    [
      '/nowhere/libcublasLt.so.13',
      'matrix products by our own kernels: /nowhere/libcublasLt.so.13: cannot open',
    ],
    [loadAddon().path, 'has no cublasLtCreate'],
  ])('are computed by our own kernels, asked for %j', async (library, note) => {
    process.env['PATCHTRAIN_CUBLASLT'] = library
    const { device, run, choices, expected } = await prepare({ ...product, inner: 64 })
    const result = await run()
    expected.forEach((value, i) => expect(result[i]).toBeCloseTo(value, 4))
    expect(await choices()).toMatchObject({ library: 'own', products: {} })
    expect(device.notes()).toHaveLength(1)
    expect(device.notes()[0]).toContain(note)
    device.dispose()
  })
})
