// node main.js STEP [argument …] --out DIR --device NAME [--dry-run] [--seconds N]
// The steps of scripts/gpu-check.sh that are written in TypeScript. Each appends to DIR/gpu-check.jsonl and exits with 1
// when something in it was not in order.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { peerRows } from '../../bench/cuda/peer-rows.js'
import { benchmarkOps, benchmarkSteps, type CudaRow } from '../../bench/cuda/run.js'
import { deviceSizes, emulatorSizes, middleSizes } from '../../bench/cuda/sizes.js'
import { Device } from '../../lib/native/device.js'
import { runEveryOp } from './every-op.js'
import { compareCalibration } from './calibration.js'
import { runTestFiles, testFiles } from './kernel-tests.js'
import { Lines } from './lines.js'
import { repeatOps, repeatTraining } from './repeatability.js'
import { printTable } from './table.js'
import { checkTraining } from './training.js'
import { sayVersions } from './versions.js'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: '.' },
    device: { type: 'string', default: 'cuda' },
    'device-name': { type: 'string', default: 'unknown' },
    'dry-run': { type: 'boolean', default: false },
    seconds: { type: 'string', default: '60' },
  },
})
const [step = '', ...rest] = positionals
const { device, 'dry-run': dryRun } = options
const file = join(options.out, 'gpu-check.jsonl')
const recordedStep = step === 'kernels-of-one-file' ? 'kernels' : step
const lines = new Lines(file, { step: recordedStep, device: options['device-name'] })
const sizes = dryRun ? emulatorSizes : deviceSizes
const tiny = dryRun ? { steps: 8, context: 16 } : { steps: 60, context: 64 }
const deadline = performance.now() + 1000 * Number(options.seconds)
const bench = { device, sizes, wanted: () => true, deadline }

const steps: Record<string, () => Promise<void> | void> = {
  probe: () => Device.create({ device }).dispose(),
  versions: () => sayVersions(device, lines),
  calibration: () => compareCalibration(rest[0]!, rest[1]!, lines),
  kernels: testEachFileAlone,
  'kernels-of-one-file': () => runTestFiles(rest, lines),
  repeatability: async () => {
    await repeatTraining(device, tiny, lines)
    await repeatOps(device, dryRun ? emulatorSizes : middleSizes, dryRun ? 2 : 5, lines)
  },
  training: () => checkTraining(device, tiny, lines),
  'every-op': () => runEveryOp(device, emulatorSizes, rest),
  'one-op': () => runEveryOp(device, deviceSizes, rest),
  steps: () => writeRows(benchmarkSteps(bench)),
  ops: () => writeRows(benchmarkOps(bench)),
  'peer-rows': () => console.log(JSON.stringify(peerRows(sizes))),
  table: () => {
    if (!printTable(file)) process.exitCode = 1
  },
}

const work = steps[step]
if (!work) {
  console.error(`there is no step '${step}'; there are ${Object.keys(steps).join(', ')}`)
  process.exit(2)
}
await lines.guard(step, async () => work())
process.exit(lines.allOk && !process.exitCode ? 0 : 1) // whatever a broken device still holds on to

async function writeRows(rows: AsyncGenerator<CudaRow>): Promise<void> {
  for await (const { section, name, figures, skipped, error } of rows)
    if (error !== undefined) lines.failed(name, error)
    else if (skipped !== undefined) lines.skipped(name, skipped)
    else lines.add({ section, name, ok: true, ...figures })
}

/**
 * A process for each file: a kernel that breaks the device breaks it for its own file only. Products are our own kernels': it
 * is they that are tested, and two devices that time cuBLASLt's algorithms may choose differently.
 */
function testEachFileAlone(): void {
  const self = fileURLToPath(import.meta.url)
  const folder = fileURLToPath(new URL('../../test/kernels/', import.meta.url))
  const env = { ...process.env, PATCHTRAIN_TEST_DEVICE: device, PATCHTRAIN_CUBLASLT: 'none' }
  for (const testFile of testFiles(folder, rest)) {
    const args = [
      self,
      'kernels-of-one-file',
      testFile,
      '--out',
      options.out,
      '--device-name',
      options['device-name'],
    ]
    const { status, signal } = spawnSync(process.execPath, args, { env, stdio: 'inherit' })
    if (status !== 0) process.exitCode = 1
    if (status === null) lines.failed(testFile, `ended by ${signal}`)
  }
}
