import type { DType } from '../../lib/native/addon.js'
import { loadAddon } from '../../lib/native/load.js'
import { Device } from '../../lib/native/device.js'

export type OpData = Float32Array | Float64Array | Int32Array | Uint16Array
export interface OpTensor {
  readonly data: OpData
  readonly shape: readonly number[]
}

function dtypeOf(data: OpData): DType {
  if (data instanceof Float32Array) return 'f32'
  if (data instanceof Float64Array) return 'f64'
  return data instanceof Int32Array ? 'i32' : 'bf16'
}

/** What was written or updated, in the type it was given in. */
export type OpResults<Tensors extends Record<string, OpTensor>> = {
  [Slot in keyof Tensors]?: Tensors[Slot]['data']
}

/** Levels of this build that this processor can run. */
export function supportedLevels(): string[] {
  return loadAddon()
    .addon.cpuLevels()
    .filter((level) => level.supported)
    .map((level) => level.name)
}

/** Runs one op as a plan of its own and gives back the tensors that it wrote or updated. */
export async function runOp<Tensors extends Record<string, OpTensor>>(
  name: string,
  tensors: Tensors,
  params: Record<string, number> = {},
  options: { device?: string; threads?: number; level?: string } = {},
): Promise<OpResults<Tensors>> {
  const device = Device.create({ device: 'cpu', ...options })
  try {
    const plan = device.createPlan(name)
    const placed = Object.entries(tensors).map(([slot, { data, shape }]) => {
      // Filler around every tensor: an access outside its bounds then shows as NaN or as a changed neighbour.
      const region = device.allocate(data.byteLength + 2 * guardBytes, slot)
      return { slot, data, shape, region }
    })
    for (const { data, region } of placed) {
      await region.write(0, new Uint8Array(data.byteLength + 2 * guardBytes).fill(0xff))
      await region.write(guardBytes, data)
    }
    plan.record(
      name,
      Object.fromEntries(
        placed.map((p) => [
          p.slot,
          { region: p.region.id, offset: guardBytes, dtype: dtypeOf(p.data), shape: p.shape },
        ]),
      ),
      params,
    )
    await plan.run()
    const written = new Set(
      loadAddon()
        .addon.ops()
        .find((op) => op.name === name)!
        .tensors.filter((slot) => slot.access !== 'read')
        .map((slot) => slot.name),
    )
    const results: Record<string, OpData> = {}
    for (const { slot, data, region } of placed) {
      const all = new Uint8Array(await region.read(0, data.byteLength + 2 * guardBytes))
      const guards = [...all.subarray(0, guardBytes), ...all.subarray(guardBytes + data.byteLength)]
      if (guards.some((byte) => byte !== 0xff)) throw new Error(`${name} wrote outside of '${slot}'`)
      const bytes = all.slice(guardBytes, guardBytes + data.byteLength)
      if (written.has(slot)) results[slot] = new (data.constructor as Float32ArrayConstructor)(bytes.buffer)
      else if (Buffer.compare(bytes, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) !== 0)
        throw new Error(`${name} changed '${slot}', which it may only read`)
    }
    return results
  } finally {
    device.dispose()
  }
}

const guardBytes = 64
