import type { ModelConfig } from '../../lib/config/types.js'
import { parameterTable } from '../../lib/model/parameters.js'
import type { Parameter } from '../../lib/model/parameters.js'
import { weightNames, weightShape } from './golden.js'

/** The Hugging Face weights whose rows, one after the other, make up a parameter of the flat layout. */
const parts: Readonly<Record<string, readonly string[]>> = {
  embedding: ['model.embed_tokens'],
  'attention.qkv': ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj'],
  'attention.out': ['self_attn.o_proj'],
  'attention.norm': ['input_layernorm'],
  'feedForward.gateUp': ['mlp.gate_proj', 'mlp.up_proj'],
  'feedForward.down': ['mlp.down_proj'],
  'feedForward.norm': ['post_attention_layernorm'],
  norm: ['model.norm'],
  head: ['lm_head'],
}

function partsOf(parameter: Parameter): string[] {
  const [, layer = '', kind = parameter.name] = /^(layers\.\d+\.)(.+)$/.exec(parameter.name) ?? []
  const prefix = layer === '' ? '' : `model.${layer}`
  return parts[kind]!.map((part) => `${prefix}${part}.weight`)
}

/** Weights (or gradients) under their Hugging Face names, laid into the flat region of the library. */
export function flatten(model: ModelConfig, weights: ReadonlyMap<string, ArrayLike<number>>): Float32Array {
  const table = parameterTable(model)
  const flat = new Float32Array(table.size)
  for (const parameter of table.parameters) {
    let at = parameter.offset
    for (const name of partsOf(parameter)) {
      flat.set(weights.get(name)!, at)
      at += weights.get(name)!.length
    }
  }
  return flat
}

/** The other way round: windows into the flat region, under Hugging Face names, in the order of a checkpoint. */
export function unflatten(model: ModelConfig, flat: Float32Array): Map<string, Float32Array> {
  const found = new Map<string, Float32Array>()
  for (const parameter of parameterTable(model).parameters) {
    let at = parameter.offset
    for (const name of partsOf(parameter)) {
      const size = weightShape(model, name).reduce((a, b) => a * b, 1)
      found.set(name, flat.subarray(at, (at += size)))
    }
  }
  return new Map(weightNames(model).map((name) => [name, found.get(name)!]))
}
