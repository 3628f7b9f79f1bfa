import type { ModelConfig } from '../config/types.js'

/**
 * cos and sin of position · θ^(−2i/D), each [positions, D/2] (Su et al., "RoFormer", 2021), rounded to fp32 at the same
 * places as Hugging Face does, so that a checkpoint meets the very angles it was trained with.
 */
export function ropeTables(model: ModelConfig, positions: number): { cos: Float32Array; sin: Float32Array } {
  const half = model.headDim / 2
  const frequency = Float32Array.from({ length: half }, (_, i) => {
    const power = Math.fround(Math.pow(model.ropeTheta, Math.fround((2 * i) / model.headDim)))
    return 1 / power
  })
  const cos = new Float32Array(positions * half)
  const sin = new Float32Array(positions * half)
  for (let t = 0; t < positions; t++)
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(t * frequency[i]!)
      cos[t * half + i] = Math.cos(angle)
      sin[t * half + i] = Math.sin(angle)
    }
  return { cos, sin }
}
