// A small report as `npm run bench` writes it, from figures that a test chooses.
import {
  reportFormat,
  type OpRow,
  type Report,
  type Row,
  type Speeds,
  type StepRow,
} from '../../bench/report.js'

export const speeds: Speeds = { flopsPerSecond: 100e9, bytesPerSecond: 20e9, gemmFlopsPerSecond: 80e9 }

export function opRow(change: Partial<OpRow> = {}): OpRow {
  const common = {
    group: 'ops',
    name: 'gemm',
    sizes: 'head y 512×512×256',
    threads: 1,
    follows: 'compute',
  } as const
  return { ...common, flops: 1e9, bytes: 1e6, rounds: [[0.02, 0.02, 0.021, 0.02]], ...change }
}

/** 1000 tokens and 20 GFLOP in half a second. */
export const stepRow: StepRow = {
  ...{ group: 'step', name: 'C256 V512', sizes: 'B8 T256', threads: 1, follows: 'compute' },
  ...{ tokens: 1000, flops: 20e9, rounds: [[0.5, 0.5, 0.6]], javascript: [0.001, 0.002, 0.001] },
  shares: { gemm: 0.8, attention: 0.1, crossEntropy: 0.02, otherOps: 0.05 },
  memory: { peak: 300 * 2 ** 20, baseline: 50 * 2 ** 20, planned: 250 * 2 ** 20 },
}

export function report(
  rows: readonly Row[],
  rounds: readonly Speeds[] = [speeds],
  change: Partial<Report> = {},
): Report {
  return {
    format: reportFormat,
    command: 'npm run bench -- gemm',
    patchtrain: '0.0.0',
    date: '2026-12-01T10:00:00.000Z',
    machine: { cpu: 'Some CPU', cores: 2, memoryBytes: 8e9, system: 'linux 6 x64', node: 'v20.0.0' },
    level: 'avx2',
    others: rounds.map(() => 0.01),
    ceilings: [...new Set(rows.map(({ threads }) => threads ?? 1))].map((threads) => ({ threads, rounds })),
    rows,
    skipped: [],
    ...change,
  }
}
