import { readFileSync } from 'node:fs'

export interface StoredTensor {
  readonly shape: readonly number[]
  readonly data: Float32Array | Float64Array
}

/** Reads a golden file. Kept apart from the library's own reader, so that neither can hide a fault of the other. */
export function readGoldenTensors(path: string | URL): Map<string, StoredTensor> {
  const file = readFileSync(path)
  const headerEnd = 8 + Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >
  return new Map(
    Object.entries(header).map(([name, { dtype, shape, data_offsets }]) => {
      const bytes = new Uint8Array(file.subarray(headerEnd + data_offsets[0], headerEnd + data_offsets[1]))
      if (dtype !== 'F32' && dtype !== 'F64') throw new Error(`${name}: golden files hold no ${dtype}`)
      const data = dtype === 'F32' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer)
      return [name, { shape, data }]
    }),
  )
}
