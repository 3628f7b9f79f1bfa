import { peerRows, type PeerRow } from '../cuda/peer-rows.js'
import { deviceSizes } from '../cuda/sizes.js'
import { digits, left, markdownTable, percent, right, type Column } from './markdown.js'

/** What is read of a line of gpu-check.jsonl. */
export interface CheckLine {
  readonly step: string
  readonly name: string
  readonly ok: boolean
  readonly device: string
  readonly date: string
  readonly ms?: number
  readonly skipped?: string
  readonly peer?: string
  readonly tflops?: number
  readonly gbps?: number
  readonly of_ceiling?: number
  readonly tokens_per_s?: number
  readonly mfu?: number
  readonly peak_gib?: number
}

export const unmeasured = 'unmeasured'

const command = 'bash scripts/gpu-check.sh'

/** The tables of one device; the cells of what was not run say so. */
export function cudaSection(lines: readonly CheckLine[], file: string): string {
  const rows = peerRows(deviceSizes)
  const of = (...sections: string[]) => rows.filter(({ section }) => sections.includes(section))
  const [first] = lines
  return [
    `### ${first?.device ?? 'A device that told nothing'}`,
    '',
    `${first?.date.slice(0, 10) ?? 'no date'} · \`${command}\` · bench/results/${file}`,
    '',
    ceilingLine(lines),
    '',
    '#### Checks',
    '',
    checks(lines),
    '',
    '#### Whole training steps',
    '',
    'Forward, backward, clipping and AdamW. MFU: model FLOPs, causal attention counted by half, over 989 TFLOP/s.',
    '',
    stepTable(of('step'), lines),
    '',
    '#### Attention, causal',
    '',
    opTable(of('attention'), lines),
    '',
    '#### Row kernels, head and loss, embedding, optimizer',
    '',
    opTable(of('fused', 'head', 'embedding', 'optimizer'), lines),
    '',
    `#### Matrix products, ${deviceSizes.rows} rows`,
    '',
    'y = x·Wᵀ, dx = dy·W, dW = dyᵀ·x. Ours writes dW in fp32, the peer in bf16.',
    '',
    productTable(of('gemm'), lines),
  ].join('\n')
}

function ceilingLine(lines: readonly CheckLine[]): string {
  const copy = find(lines, 'ops', 'ceiling copy')?.gbps
  const product = find(lines, 'ops', 'ceiling products')?.tflops
  const say = (speed: number | undefined, unit: string) =>
    speed === undefined ? unmeasured : `${digits(speed)} ${unit}`
  return `Ceilings of the same run: copying ${say(copy, 'GB/s')}, a large bf16 product ${say(product, 'TFLOP/s')}.`
}

const checked: readonly (readonly [step: string, promise: string])[] = [
  ['calibration', 'every wrapper of a device instruction does what the emulator takes it for'],
  ['kernels', 'the kernel tests pass on the device'],
  ['repeatability', 'equal inputs give equal bits'],
  ['training', 'losses as on the CPU within bf16, resume to the bit, generation, lack of memory'],
  ['sanitizer', 'compute-sanitizer finds nothing'],
]

function checks(lines: readonly CheckLine[]): string {
  const verdict = (step: string) => {
    const own = lines.filter((line) => line.step === step)
    if (own.length === 0) return unmeasured
    const failed = own.filter(({ ok }) => !ok).length
    const skipped = own.filter((line) => line.skipped !== undefined).length
    if (failed > 0) return `${failed} of ${own.length} failed`
    return skipped > 0 ? `ok, ${skipped} of ${own.length} skipped` : 'ok'
  }
  return markdownTable(
    [left('step'), left('promise'), left('verdict')],
    checked.map(([step, promise]) => [step, promise, verdict(step)]),
  )
}

const peerColumns: Column[] = [left('peer'), right('peer, ms'), right('ours is … times as fast')]

function stepTable(rows: readonly PeerRow[], lines: readonly CheckLine[]): string {
  return markdownTable(
    [left('row'), right('ms'), right('tokens/s'), right('MFU'), right('memory, GiB'), ...peerColumns],
    rows.map(({ name }) => {
      const ours = find(lines, 'steps', name)
      return [
        name,
        cell(ours?.ms, digits),
        cell(ours?.tokens_per_s, digits),
        cell(ours?.mfu, percent),
        cell(ours?.peak_gib, digits),
        ...peerCells(name, ours, lines),
      ]
    }),
  )
}

function opTable(rows: readonly PeerRow[], lines: readonly CheckLine[]): string {
  return markdownTable(
    [left('row'), right('ms'), right('speed'), right('of ceiling'), ...peerColumns],
    rows.map(({ name }) => {
      const ours = find(lines, 'ops', name)
      return [
        name,
        cell(ours?.ms, digits),
        speed(ours),
        cell(ours?.of_ceiling, percent),
        ...peerCells(name, ours, lines),
      ]
    }),
  )
}

function productTable(rows: readonly PeerRow[], lines: readonly CheckLine[]): string {
  return markdownTable(
    [
      left('row'),
      right('cuBLASLt, ms'),
      right('speed'),
      right('of ceiling'),
      right('own kernel'),
      ...peerColumns,
    ],
    rows.map(({ name }) => {
      const ours = find(lines, 'ops', name)
      const own = find(lines, 'ops', `${name}, own kernel`)
      const cells = [cell(ours?.ms, digits), speed(ours), cell(ours?.of_ceiling, percent), speed(own)]
      return [name, ...cells, ...peerCells(name, ours, lines)]
    }),
  )
}

/** Against the fastest peer that ran. */
function peerCells(name: string, ours: CheckLine | undefined, lines: readonly CheckLine[]): string[] {
  const peers = lines.filter((line) => line.step === 'peers' && line.name === name && line.ms !== undefined)
  const [best] = peers.sort((a, b) => a.ms! - b.ms!)
  if (!best) return [unmeasured, unmeasured, unmeasured]
  const ratio = ours?.ms === undefined ? unmeasured : `${(best.ms! / ours.ms).toFixed(2)}×`
  return [best.peer ?? '', digits(best.ms!), ratio]
}

function speed(line: CheckLine | undefined): string {
  if (line?.tflops !== undefined) return `${digits(line.tflops)} TFLOP/s`
  return cell(line?.gbps, (gbps) => `${digits(gbps)} GB/s`)
}

const cell = (value: number | undefined, say: (value: number) => string) =>
  value === undefined ? unmeasured : say(value)

/** The latest, where a step was run twice. */
function find(lines: readonly CheckLine[], step: string, name: string): CheckLine | undefined {
  return lines.filter((line) => line.step === step && line.name === name).at(-1)
}
