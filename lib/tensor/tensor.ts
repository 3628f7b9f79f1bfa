import type { DType } from '../native/addon.js'
import { dtypeBytes, type Region } from '../native/device.js'

/** A typed, contiguous, row-major window into a region. It owns nothing. */
export interface Tensor {
  readonly region: Region
  /** Bytes from the start of the region. */
  readonly offset: number
  readonly dtype: DType
  readonly shape: readonly number[]
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1)
}

export function bytesOf(tensor: Pick<Tensor, 'dtype' | 'shape'>): number {
  return sizeOf(tensor.shape) * dtypeBytes[tensor.dtype]
}

export function tensor(region: Region, offset: number, dtype: DType, shape: readonly number[]): Tensor {
  return { region, offset, dtype, shape }
}

/** The same memory under another shape of the same size. */
export function reshape(t: Tensor, ...shape: number[]): Tensor {
  if (sizeOf(shape) !== sizeOf(t.shape))
    throw new RangeError(`cannot see [${t.shape.join(', ')}] as [${shape.join(', ')}]: the sizes differ`)
  return { ...t, shape }
}

/** Rows `begin` … `end − 1` along the first axis. */
export function rows(t: Tensor, begin: number, end: number): Tensor {
  const [length = 0, ...rest] = t.shape
  if (!(0 <= begin && begin < end && end <= length))
    throw new RangeError(`rows ${begin} … ${end} of a tensor with ${length} rows`)
  return {
    ...t,
    offset: t.offset + begin * sizeOf(rest) * dtypeBytes[t.dtype],
    shape: [end - begin, ...rest],
  }
}

type Arrays = { f32: Float32Array; f64: Float64Array; i32: Int32Array; bf16: Uint16Array }

/** Copies values into the tensor, in order with everything else asked of the device. */
export async function writeTensor(t: Tensor, data: NodeJS.TypedArray): Promise<void> {
  if (data.length !== sizeOf(t.shape) || data.BYTES_PER_ELEMENT !== dtypeBytes[t.dtype])
    throw new RangeError(
      `${data.length} values of ${data.BYTES_PER_ELEMENT} bytes do not fill a [${t.shape.join(', ')}] ${t.dtype} tensor`,
    )
  await t.region.write(t.offset, data)
}

/** A copy of the tensor's values. */
export async function readTensor<T extends DType>(t: Tensor & { dtype: T }): Promise<Arrays[T]> {
  const buffer = await t.region.read(t.offset, bytesOf(t))
  const make = { f32: Float32Array, f64: Float64Array, i32: Int32Array, bf16: Uint16Array }[t.dtype]
  return new make(buffer) as Arrays[T]
}
