import { Device } from '../../lib/native/device.js'
import { benchmarkOps, benchmarkSteps, type CudaRow } from './run.js'
import { deviceSizes, emulatorSizes } from './sizes.js'

/** Prints the rows of the CUDA benchmark as they come; undefined, and why, where the device that was named is not there. */
export async function benchmarkCuda(
  device: string,
  wanted: (name: string) => boolean,
): Promise<CudaRow[] | undefined> {
  const rows: CudaRow[] = []
  try {
    const found = Device.create({ device })
    console.log([found.describe(), ...found.notes()].join('\n'))
    found.dispose()
  } catch (error) {
    console.error(`--device ${device}: ${(error as Error).message}`)
    return undefined
  }
  const sizes = device.startsWith('cuda-emu') ? emulatorSizes : deviceSizes
  const bench = { device, sizes, wanted, deadline: Infinity }
  for (const benchmark of [benchmarkSteps, benchmarkOps])
    for await (const row of benchmark(bench)) {
      rows.push(row)
      console.log(say(row))
    }
  return rows
}

function say({ name, figures = {}, skipped, error }: CudaRow): string {
  if (error !== undefined) return `${name.padEnd(nameWidth)}  failed: ${error}`
  if (skipped !== undefined) return `${name.padEnd(nameWidth)}  skipped: ${skipped}`
  const texts = Object.entries(figures).map(
    ([figure, value]) => `${figure} ${typeof value === 'number' ? value.toPrecision(4) : value}`,
  )
  return `${name.padEnd(nameWidth)}  ${texts.join('  ')}`
}

const nameWidth = 36
