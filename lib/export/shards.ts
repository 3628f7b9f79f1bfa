import { ConfigError } from '../errors.js'
import type { NamedRange } from './names.js'

/** How the weights of a folder are spread over files, by the names that transformers gives them. */

export const weightsName = 'model.safetensors'
export const indexName = `${weightsName}.index.json`

export interface Shard {
  /** `model.safetensors` alone, or `model-00001-of-00003.safetensors`. */
  readonly file: string
  readonly tensors: readonly NamedRange[]
}

/**
 * Tensors in their order, each into the first file it does not overflow. A tensor is never cut: one that is larger than
 * `limit` has a file of its own.
 * @param limit bytes of tensors a file; undefined: all in one
 */
export function planShards(tensors: readonly NamedRange[], elementBytes: number, limit?: number): Shard[] {
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0))
    throw new ConfigError(`Files of ${limit} bytes cannot be written. Give a whole number of bytes.`, {
      path: 'shardBytes',
    })
  const groups: NamedRange[][] = [[]]
  let filled = 0
  for (const tensor of tensors) {
    const bytes = tensor.size * elementBytes
    if (filled > 0 && filled + bytes > (limit ?? Infinity)) {
      groups.push([])
      filled = 0
    }
    groups.at(-1)!.push(tensor)
    filled += bytes
  }
  const number = (n: number) => String(n).padStart(5, '0')
  const fileOf = (i: number) =>
    groups.length === 1 ? weightsName : `model-${number(i + 1)}-of-${number(groups.length)}.safetensors`
  return groups.map((group, i) => ({ file: fileOf(i), tensors: group }))
}

/** `model.safetensors.index.json`: in which file each tensor lies. */
export function renderIndex(shards: readonly Shard[], elementBytes: number): object {
  const tensors = shards.flatMap((shard) => shard.tensors)
  const parameters = tensors.reduce((sum, tensor) => sum + tensor.size, 0)
  return {
    metadata: { total_parameters: parameters, total_size: parameters * elementBytes },
    weight_map: Object.fromEntries(
      shards.flatMap(({ file, tensors }) => tensors.map(({ name }) => [name, file])),
    ),
  }
}
