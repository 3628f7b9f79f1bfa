import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { libraryNotes, meanRatio, summariseProduct } from '../../bench/gemm/summary.js'
import { shapes, taskOf } from '../../bench/gemm/shapes.js'
import { commandText, parseCommandLine } from '../../bench/peers/cpu/command-line.js'
import { Contender } from '../../bench/peers/cpu/contender.js'
import { foreignCores, readTicks, untilIdle } from '../../bench/peers/cpu/foreign-load.js'
import { findPython } from '../../bench/peers/cpu/python.js'
import { race, type Entrant, type Samples } from '../../bench/peers/cpu/race.js'
import { complaints, peersFormat, reportText } from '../../bench/peers/cpu/report.js'
import { compare, quartiles } from '../../bench/peers/cpu/summary.js'
import { peersTable } from '../../bench/peers/cpu/table.js'
import { writeTensorFile } from '../../bench/peers/cpu/tensor-file.js'
import { gemmSection, peersSection } from '../../bench/performance/peers.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-peers-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

const script = join(import.meta.dirname, 'fixtures', 'fake-contender.mjs')
const entrant = (name: string, manner: object = {}): Entrant => ({
  name,
  program: { command: process.execPath, args: [script, JSON.stringify({ name, ...manner })], env: {} },
})
const patient = { prepare: 50, turn: 50 }

describe('a race', () => {
  it('lets all take turns, round by round, and keeps every sample', async () => {
    const log = join(folder, 'turns')
    const { contenders: samples } = await race(
      [entrant('ours', { log }), entrant('peer', { log, seconds: 2 })],
      2,
      patient,
    )
    expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([
      ...['ours start', 'peer start'],
      ...['ours turn 1', 'peer turn 1', 'ours turn 2', 'peer turn 2'],
      ...['ours finish', 'peer finish'],
    ])
    expect(samples[1]).toMatchObject({
      name: 'peer',
      seconds: [2, 2],
      values: [1, 2, 3], // one of the warm-up, two of the turns
      memory: { peakBytes: 2 ** 20 },
      versions: { fake: '1' },
    })
  })

  it.each([
    ['dies while it prepares', { dies: 'start' }, /out of luck/],
    ['dies in a turn', { dies: 'turn 2' }, /out of luck/],
    ['speaks another language', { says: { 'turn 1': 'Segmentation' } }, /'Segmentation'.* no JSON/],
    ['answers something else', { says: { start: '{"seconds":1}' } }, /no 'ready'/],
  ])('goes on without a contender that %s', async (_, manner, reason) => {
    const { contenders } = await race([entrant('ours'), entrant('b', manner), entrant('c')], 3, patient)
    const [ours, broken, last] = contenders
    expect(broken!.skipped).toMatch(reason)
    expect([ours, last].map((one) => [one!.skipped, one!.seconds.length])).toEqual([
      [undefined, 3],
      [undefined, 3],
    ])
  })

  it('does not wait for ever', async () => {
    const { program } = entrant('mute', { silent: 'start' })
    await expect(Contender.start(program, { prepare: 0.2, turn: 50 })).rejects.toThrow(
      'no answer within 0.2 s',
    )
  })

  it('says why a program did not start', async () => {
    const missing = { name: 'b', program: { command: join(folder, 'nobody'), args: [], env: {} } }
    const { contenders } = await race([entrant('ours'), missing], 1, patient)
    expect(contenders[1]!.skipped).toMatch(/nobody.*ENOENT/)
  })

  it('is none without ours, which writes what the others read', async () => {
    const log = join(folder, 'none')
    const { contenders: samples } = await race(
      [entrant('ours', { dies: 'start' }), entrant('peer', { log })],
      1,
      patient,
    )
    expect(samples.map(({ skipped }) => skipped)).toEqual(['RuntimeError: out of luck', 'ours did not start'])
    expect(() => readFileSync(log)).toThrow()
  })
})

const samples = (name: string, seconds: number[], values = [6, 5], rest: Partial<Samples> = {}): Samples => ({
  name,
  seconds,
  values,
  ...rest,
})

it('counts what others compute apart from its own contenders', () => {
  const before = { busy: 1000, passed: 2000, own: 100 }
  const after = { busy: 1300, passed: 2400, own: 200 } // 200 ticks a core passed; 300 busy, 100 of them ours
  expect(foreignCores(before, after, 2)).toBe(1)
  expect(readTicks([process.pid])!.own).toBeGreaterThan(0)
})

it('waits until a process no longer computes, but not for ever', async () => {
  const ticks = [3, 9, 12, 12, 15]
  const read = () => ({ busy: 0, passed: 0, own: ticks.shift()! })
  await untilIdle([1], 60_000, read)
  expect(ticks, 'the first two that are equal end it').toEqual([15])

  const endless = spawn(process.execPath, ['-e', 'for (;;);'])
  onTestFinished(() => void endless.kill('SIGKILL'))
  await untilIdle([endless.pid!], 100)
})

it('a row without any peer left is a failure, one that lost some is none', () => {
  const row = (...contenders: Samples[]) => [{ name: 'step', threads: 1, contenders }]
  const gone = samples('torch', [], [], { skipped: 'no torch' })
  expect(complaints(row(samples('ours', [1]), gone))).toEqual([
    'step, 1 threads, there was nothing to compare with',
  ])
  expect(complaints(row(samples('ours', [1]), samples('eager', [2]), gone))).toEqual([])
})

describe('a comparison', () => {
  it('takes ratios turn by turn, not of the medians', () => {
    const [, peer] = compare([samples('ours', [1, 2, 4]), samples('peer', [2, 2, 12])])
    expect(peer!.seconds).toMatchObject({ median: 2, best: 2 })
    expect(peer!.ratio).toEqual({ low: 1.5, median: 2, high: 2.5 })
  })

  it('has no ratio against what computes something else', () => {
    const off = (value: number) => compare([samples('ours', [1]), samples('peer', [2], [6, value])])[1]!
    expect(off(5.004).ratio).toBeDefined()
    expect(off(5.004).difference).toBeCloseTo(8e-4)
    for (const value of [5.006, NaN]) {
      expect(off(value).ratio).toBeUndefined()
      expect(off(value).failure).toMatch(/something else/)
    }
    expect(compare([samples('ours', [1]), samples('peer', [2], [6])])[1]!.failure).toMatch(/something else/)
  })

  it('has no ratio where one did not finish', () => {
    const [, peer] = compare([samples('ours', [1]), samples('peer', [], [], { skipped: 'no torch' })])
    expect(peer).toEqual({ name: 'peer', failure: 'skipped: no torch' })
  })

  it('interpolates quartiles', () => {
    expect(quartiles([4, 1, 3, 2])).toEqual({ low: 1.75, median: 2.5, high: 3.25 })
    expect(quartiles([7])).toEqual({ low: 7, median: 7, high: 7 })
  })
})

const head = {
  command: 'npm run bench:peers',
  patchtrain: '0.0.0',
  date: '2026-12-01T10:00:00.000Z',
  machine: { cpu: 'Some CPU', cores: 2, memoryBytes: 1, system: 'linux', node: 'v20' },
  loadAverage: 0.1,
}
const level = { versions: { level: 'avx2' } }
const memory = { peakBytes: 300 * 2 ** 20, baseBytes: 0, peakSinceWarmUp: true }
const report = {
  format: peersFormat,
  ...head,
  torch: { version: '2.0', python: '3.11', settings: ['a setting'] },
  rows: [
    {
      name: 'step C8',
      threads: 2,
      tokens: 1000,
      foreignCores: 0.42,
      contenders: [
        samples('ours', [0.1, 0.2], [6, 5], { ...level, memory }),
        samples('torch eager', [0.2, 0.4], [6, 5.0000005], { memory }),
        samples('torch.compile', [], [], { skipped: 'no C++ compiler' }),
        samples('torch wrong', [0.1, 0.1], [6, 7]),
      ],
    },
    { name: 'linear y', threads: 1, contenders: [samples('ours', [0.001]), samples('torch', [0.0005])] },
  ],
} as const

describe('a report', () => {
  it('shows ratios, and the reason where there is none', () => {
    const section = peersSection('x-peers.json', report)
    expect(section).toContain('### Some CPU, 2 cores, avx2: against PyTorch')
    expect(section).toContain('| step C8 | 2 | ours | 6,667 | 10,000 | 300 |  |  |')
    expect(section).toContain('|  |  | torch eager | 3,333 | 5,000 | 300 | 2.00× (2.00–2.00) | 1e-7 |')
    expect(section).toContain('|  |  | torch.compile | skipped: no C++ compiler |  |  |  |  |')
    expect(section).toContain('up to 0.4 cores')
    expect(peersTable(report)).toContain('step C8, 2 threads (others kept 0.4 cores busy)')
    expect(section).toContain('computes something else: off by 4.0e-1')
    expect(section).toContain('|  |  | torch | 0.500 | 0.500 | 0.50× (0.50–0.50) | 0e+0 |')
    for (const text of [section, peersTable(report)]) expect(text).not.toMatch(/NaN|undefined|Infinity/)
  })

  it('complains about a wrong peer and a failing self, not about a missing peer', () => {
    expect(complaints(report.rows)).toEqual([
      'step C8, 2 threads, torch wrong: computes something else: off by 4.0e-1',
    ])
    const broken = {
      name: 'step',
      threads: 1,
      contenders: [samples('ours', [], [], { skipped: 'a reason' })],
    }
    expect(complaints([broken])).toEqual(['step, 1 threads, ours: skipped: a reason'])
  })

  it('is read back as it was written', () => {
    expect(JSON.parse(reportText(report))).toEqual(report)
  })

  it('is refused when it is another one', () => {
    expect(() => peersSection('x-peers.json', { format: 'other' })).toThrow(/x-peers.json.*'other'/)
    expect(() => gemmSection('x-gemm.json', report)).toThrow(/x-gemm.json.*patchtrain peers/)
  })
})

describe('products', () => {
  const rows = [
    {
      name: 'C8 qkv y',
      threads: 1,
      flops: 1e9,
      contenders: [
        samples('ours', [0.02, 0.02], [1], level),
        samples('Slow', [0.04, 0.04], [1], { versions: { library: 'Slow 1', kernels: 'Prescott' } }),
        samples('Fast', [0.01, 0.03], [1]),
        samples('Gone', [], [], { skipped: 'apt install gone' }),
        samples('Wrong', [0.001, 0.001], [2]),
      ],
    },
  ]
  const peaks = [{ threads: 1, flopsPerSecond: 1e11 }]

  it('compares with the fastest library that computes the same', () => {
    const product = summariseProduct(rows[0]!, peaks)
    expect(product).toMatchObject({ best: 'Fast', shareOfPeak: 0.5, ratio: { median: 1 } })
    expect([...product.speeds.keys()]).toEqual(['ours', 'Slow', 'Fast'])
    expect(meanRatio([product, { ...product, ratio: { low: 4, median: 4, high: 4 } }])).toBeCloseTo(2)
  })

  it('names the kernels of a library, and what brings a missing one', () => {
    expect(libraryNotes(rows)).toEqual(['Slow: Slow 1, kernels Prescott', 'Gone skipped: apt install gone'])
    const section = gemmSection('x-gemm.json', { format: 'patchtrain gemm 1', ...head, peaks, rows })
    expect(section).toContain(
      '| C8 qkv y | 1 | 50.0 | 25.0 | 50.0 |  |  | 50 % | Fast | 1.00× (0.75–1.25), undecided |',
    )
  })

  it('have every product of a layer in the orientation that training has it', () => {
    const of = (name: string) => shapes.filter((shape) => shape.name.startsWith(name))
    expect(of('C512 down')).toMatchObject([
      { name: 'C512 down y 2048×512×1376', transA: 0, transB: 1 },
      { name: 'C512 down dx 2048×1376×512', transA: 0, transB: 0 },
      { name: 'C512 down dW 512×1376×2048', transA: 1, transB: 0 },
    ])
    expect(taskOf(of('C256 qkv')[0]!, 1, 'file').repeats).toBeGreaterThan(1)
  })
})

describe('the command', () => {
  it('chooses rows by word and by model', () => {
    const names = (...args: string[]) => parseCommandLine(args).rows.map(({ name }) => name)
    expect(names('--model', 'C256 V32000')).toEqual(['step C256 V32000'])
    expect(names('linear')).toHaveLength(3)
    expect(parseCommandLine(['step', '--eager-only']).rows[0]!.peers.map(({ name }) => name)).toEqual([
      'torch eager',
    ])
  })

  it('says what it takes', () => {
    expect(() => parseCommandLine(['--model', 'C9'])).toThrow(/'C256 V512'.*not 'C9'/)
    expect(() => parseCommandLine(['nothing'])).toThrow(/'nothing'[^]*clip \+ AdamW/)
    expect(() => parseCommandLine(['--threads', '1,zwei'])).toThrow(/--threads .*'zwei'/)
    expect(() => parseCommandLine(['--rounds', '0'])).toThrow(/--rounds .*'0'/)
  })

  it('is written down without paths of this machine', () => {
    expect(commandText('bench:peers', ['--python', '/home/me/venv/bin/python', '--model', 'C256 V512'])).toBe(
      "npm run bench:peers -- --python …/bin/python --model 'C256 V512'",
    )
  })

  it('says how to get a Python with PyTorch', () => {
    expect(() => findPython('no-such-python')).toThrow(/no-such-python[^]*pip install torch/)
  })
})

it('writes tensors as a line about them and their bytes', () => {
  const path = join(folder, 'tensors')
  writeTensorFile(path, [
    { name: 'a', shape: [2], data: Float32Array.of(1, -2) },
    { name: 'ids', shape: [1, 1], data: Int32Array.of(7) },
  ])
  const bytes = readFileSync(path)
  const line = bytes.indexOf('\n')
  expect(JSON.parse(bytes.subarray(0, line).toString())).toEqual([
    { name: 'a', dtype: 'f32', shape: [2] },
    { name: 'ids', dtype: 'i32', shape: [1, 1] },
  ])
  const data = bytes.subarray(line + 1)
  expect([data.readFloatLE(0), data.readFloatLE(4), data.readInt32LE(8), data.length]).toEqual([1, -2, 7, 12])
})
