import { dtypeBytes, toBfloat16, toFloat16, type FloatDtype } from '../checkpoint/dtype.js'
import { bytesOf } from '../checkpoint/region.js'
import { ConfigError } from '../errors.js'

/** What exported weights are stored as. */
export type ExportDtype = 'f32' | 'bf16' | 'f16'

interface WeightType {
  readonly safetensors: FloatDtype
  /** As `config.json` spells it. */
  readonly torch: string
  readonly bytes: number
}

export const weightTypes: Readonly<Record<ExportDtype, WeightType>> = {
  f32: { safetensors: 'F32', torch: 'float32', bytes: dtypeBytes.F32 },
  bf16: { safetensors: 'BF16', torch: 'bfloat16', bytes: dtypeBytes.BF16 },
  f16: { safetensors: 'F16', torch: 'float16', bytes: dtypeBytes.F16 },
}

/** @throws {ConfigError} for what is no such type */
export function weightType(dtype: ExportDtype): WeightType {
  if (Object.hasOwn(weightTypes, dtype)) return weightTypes[dtype]
  throw new ConfigError(
    `Weights cannot be stored as '${String(dtype)}'. Use ${Object.keys(weightTypes).join(', ')}.`,
    { path: 'dtype' },
  )
}

/**
 * Weights as bytes of a type: float32 as it is, the others rounded to nearest.
 * @param name of the tensor, for the error
 * @throws {ConfigError} for a value that float16 cannot reach; rounding it to infinity would ruin the model
 */
export function encodeWeights(dtype: ExportDtype, name: string, values: Float32Array): Uint8Array {
  switch (dtype) {
    case 'f32':
      return bytesOf(values)
    case 'bf16':
      return bytesOf(toBfloat16(values))
    case 'f16': {
      const halves = toFloat16(values)
      for (let i = 0; i < halves.length; i++)
        if ((halves[i]! & 0x7fff) === 0x7c00 && Number.isFinite(values[i]))
          throw new ConfigError(
            `${name} holds ${values[i]}, and float16 ends at ±65504. Export as bf16 or f32.`,
            { path: 'dtype' },
          )
      return bytesOf(halves)
    }
  }
}
