import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const main = join(import.meta.dirname, '..', '..', 'tools', 'kernel-budget', 'main.mjs')
const hasNvcc = spawnSync('nvcc', ['--version']).status === 0
if (!hasNvcc) console.warn('skipped: nvcc was not found, so the gate of the CUDA kernels is not tested')

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Two products on tensor cores, 32 lanes wide. */
const tidy = (products: number) => `
__global__ void __launch_bounds__(32) tidy(float* d, const unsigned* a) {
  float x[4] = {};
  for (int i = 0; i < 4; i++) x[i] = d[threadIdx.x * 4 + i];
#pragma unroll
  for (int n = 0; n < ${products}; n++)
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%4,%4,%4}, {%4,%4}, {%0,%1,%2,%3};"
                 : "+f"(x[0]), "+f"(x[1]), "+f"(x[2]), "+f"(x[3]) : "r"(a[threadIdx.x]));
  for (int i = 0; i < 4; i++) d[threadIdx.x * 4 + i] = x[i];
}`

/** 96 live values where the launch bounds leave 32 registers. */
const spilling = `
__global__ void __launch_bounds__(1024, 2) spilling(float* p) {
  float a[96];
#pragma unroll
  for (int i = 0; i < 96; i++) a[i] = p[i * 1024 + threadIdx.x];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < 96; i++) p[i * 1024 + threadIdx.x] = a[95 - i] * a[(i * 7) % 96];
}`

const indexing = `
__global__ void __launch_bounds__(128) indexing(int* a, int n) {
  int s[16];
  for (int i = 0; i < 16; i++) s[i] = a[i];
  for (int i = 0; i < n; i++) s[(i * 7 + a[i]) & 15] += a[i];
  a[threadIdx.x] = s[threadIdx.x & 15];
}`

const shared = `
__global__ void __launch_bounds__(64) shared_array(float* p) {
  __shared__ float s[64];
  s[threadIdx.x] = p[threadIdx.x];
  __syncthreads();
  p[threadIdx.x] = s[63 - threadIdx.x];
}`

const budget = join(folder, 'budget.json')
const source = join(folder, 'planted.cu')

function gate(code: string | null, ...args: string[]) {
  if (code !== null) writeFileSync(source, code)
  const own = ['--budget', budget, '--sources', source, '--cache', join(folder, 'cache'), '--arch', 'sm_80']
  const { status, stderr } = spawnSync('node', [main, ...own, ...args], { encoding: 'utf8' })
  return { status, said: stderr }
}

describe.skipIf(!hasNvcc)('the budget of the kernels', () => {
  beforeAll(() => {
    expect(gate(tidy(2), '--update')).toMatchObject({ status: 0 })
  })

  it('holds what --update wrote, one line for a kernel and an architecture', () => {
    const { status, said } = gate(tidy(2))
    expect(said).toMatch(/tidy +sm_80 +\d+ +0 +0 +2 +0 +0 +ok/)
    expect(status).toBe(0)
    expect(readFileSync(budget, 'utf8')).toMatch(
      /^\{\n {2}"tidy": \{\n {4}"sm_80": \{ "registers": \d+, "mma": 2, "ldmatrix": 0, "cpAsync": 0 \}\n {2}\}\n\}\n$/,
    )
  })

  it('sees a changed number of tensor-core instructions', () => {
    const { status, said } = gate(tidy(3))
    expect(said).toMatch(/sm_80 tidy .*: 3 mma, not 2: find out why/)
    expect(status).toBe(1)
  })

  it('sees more registers than budgeted, and is content with fewer', () => {
    const written = readFileSync(budget, 'utf8')
    const withRegisters = (n: number) =>
      writeFileSync(budget, written.replace(/"registers": \d+/, `"registers": ${n}`))
    withRegisters(3)
    expect(gate(tidy(2)).said).toMatch(/sm_80 tidy .*: \d+ registers, at most 3/)
    withRegisters(99)
    expect(gate(tidy(2)).status).toBe(0)
    writeFileSync(budget, written)
  })

  it.each([
    ['spills', spilling, /spilling .*: \d+ bytes are spilled from registers/],
    [
      'indexed register arrays',
      indexing,
      /indexing .*: \d+ bytes of stack[^]*loads from local memory[^]*stores to local/,
    ],
    ['static shared memory', shared, /shared_array .*: 256 bytes of static shared memory/],
  ])('sees %s, even right after --update', (_what, code, text) => {
    const before = readFileSync(budget, 'utf8')
    const { status, said } = gate(code, '--update')
    writeFileSync(budget, before)
    expect(said).toMatch(text)
    expect(status).toBe(1)
  })

  it('a kernel without a budget and a budget without a kernel are both errors', () => {
    const { status, said } = gate(tidy(2).replace(' tidy(', ' renamed('))
    expect(said).toMatch(/sm_80 renamed .*: has no budget: run with --update/)
    expect(said).toMatch(/sm_80 tidy: is in the budget, but there is no such kernel/)
    expect(status).toBe(1)
  })

  it('--update leaves the lines of other architectures alone and drops stale ones', () => {
    const lines = JSON.parse(readFileSync(budget, 'utf8'))
    lines.tidy.sm_75 = lines.tidy.sm_80
    lines.gone = { sm_80: lines.tidy.sm_80 }
    writeFileSync(budget, JSON.stringify(lines))
    expect(gate(tidy(2), '--update').status).toBe(0)
    const after = JSON.parse(readFileSync(budget, 'utf8'))
    expect(Object.keys(after)).toEqual(['tidy'])
    expect(Object.keys(after.tidy)).toEqual(['sm_75', 'sm_80'])
  })

  it('a name that no kernel has is an error that says what there is, and changes nothing', () => {
    const before = readFileSync(budget, 'utf8')
    for (const update of [[], ['--update']]) {
      const { status, said } = gate(tidy(2), '--kernels', 'typo', ...update)
      expect(said).toMatch(/no kernel matches 'typo'; there is 1, for example tidy/)
      expect(said).not.toMatch(/within their budgets/)
      expect(status).toBe(1)
    }
    expect(readFileSync(budget, 'utf8')).toBe(before)
  })

  it('a pattern may still name a stale line alone, to drop it', () => {
    const before = readFileSync(budget, 'utf8')
    const lines = JSON.parse(before)
    writeFileSync(budget, JSON.stringify({ ...lines, gone: { sm_80: lines.tidy.sm_80 } }))
    expect(gate(tidy(2), '--kernels', 'gone').said).toMatch(
      /gone: is in the budget, but there is no such kernel/,
    )
    expect(gate(tidy(2), '--kernels', 'gone', '--update').status).toBe(0)
    expect(readFileSync(budget, 'utf8')).toBe(before)
  })

  it('sources without a single kernel are an error', () => {
    writeFileSync(join(folder, 'empty.json'), '{}')
    const { status, said } = gate('int nothing;', '--budget', join(folder, 'empty.json'))
    expect(said).toContain('the sources have no kernels')
    expect(status).toBe(1)
  })

  it('code that does not compile is an error with the compiler’s own text', () => {
    const { status, said } = gate('__global__ void broken() { nonsense; }')
    expect(said).toMatch(/does not compile for sm_80:[^]*nonsense/)
    expect(status).toBe(1)
  })
})

describe('without nvcc', () => {
  const withoutNvcc = (...args: string[]) =>
    spawnSync(process.execPath, [main, ...args], {
      encoding: 'utf8',
      env: { ...process.env, PATH: '/nonexistent' },
    })

  it('the gate says that it was skipped', () => {
    expect(withoutNvcc()).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^skipped: nvcc was not found/),
    })
  })
  it('--require makes that an error', () => expect(withoutNvcc('--require').status).toBe(1))
})

describe('the log of ptxas', () => {
  it('what it had to serialise is an error', async () => {
    const { parsePtxasLog } = (await import(join(main, '..', 'ptxas-log.mjs'))) as {
      parsePtxasLog: (log: string) => { messages: string[] }
    }
    const line =
      'ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due to …'
    expect(parsePtxasLog(`${line}\n`).messages).toEqual([line])
  })
})
