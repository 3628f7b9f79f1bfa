import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

/** fp32 or int32 values under a name. */
export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array
}

/** A line of JSON with name, type and shape of each tensor, then their bytes one after another. inputs.py reads it too. */
export function writeTensorFile(path: string, tensors: readonly NamedTensor[]): void {
  const header = tensors.map(({ name, shape, data }) => ({
    name,
    shape,
    dtype: data instanceof Int32Array ? 'i32' : 'f32',
  }))
  const file = openSync(path, 'w')
  try {
    writeSync(file, `${JSON.stringify(header)}\n`)
    for (const { data } of tensors)
      for (let done = 0; done < data.byteLength;)
        done += writeSync(file, new Uint8Array(data.buffer, data.byteOffset + done, data.byteLength - done))
  } finally {
    closeSync(file)
  }
}

/** What writeTensorFile wrote, by name. */
export function readTensorFile(path: string): Record<string, NamedTensor> {
  const file = readFileSync(path)
  let at = file.indexOf('\n') + 1
  const header = JSON.parse(file.toString('utf8', 0, at)) as {
    name: string
    shape: number[]
    dtype: string
  }[]
  return Object.fromEntries(
    header.map(({ name, shape, dtype }) => {
      const bytes = 4 * shape.reduce((product, size) => product * size, 1)
      const { buffer } = new Uint8Array(file.subarray(at, (at += bytes))) // a copy, aligned
      const data = dtype === 'i32' ? new Int32Array(buffer) : new Float32Array(buffer)
      return [name, { name, shape, data }]
    }),
  )
}
