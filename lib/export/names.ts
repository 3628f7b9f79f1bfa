import type { ModelConfig } from '../config/types.js'
import type { ParameterTable } from '../model/parameters.js'

/** A tensor of a Hugging Face LLaMA: a range of rows of one of our parameters, hence one range of a flat region. */
export interface NamedRange {
  /** Name in Hugging Face files. */
  readonly name: string
  readonly shape: readonly number[]
  /** First element in the flat region. */
  readonly offset: number
  readonly size: number
}

/**
 * Every tensor of `LlamaForCausalLM`, in the order of the forward pass. Both sides store matrices as [out, in] and
 * rotate by halves, so no value moves within a tensor; ours only pack q, k, v and gate, up on top of each other.
 */
export function huggingFaceTensors(model: ModelConfig, table: ParameterTable): NamedRange[] {
  const { width: C, feedForward: F, heads: H, kvHeads: G, headDim: D } = model
  const tensors: NamedRange[] = []
  const whole = (name: string, ours: string) => {
    const { shape, offset, size } = table.get(ours)
    tensors.push({ name: `${name}.weight`, shape, offset, size })
  }
  const stacked = (ours: string, parts: readonly (readonly [name: string, rows: number])[]) => {
    let { offset } = table.get(ours)
    for (const [name, rows] of parts) {
      tensors.push({ name: `${name}.weight`, shape: [rows, C], offset, size: rows * C })
      offset += rows * C
    }
  }

  whole('model.embed_tokens', 'embedding')
  for (let l = 0; l < model.layers; l++) {
    const theirs = `model.layers.${l}`
    const ours = `layers.${l}`
    whole(`${theirs}.input_layernorm`, `${ours}.attention.norm`)
    stacked(`${ours}.attention.qkv`, [
      [`${theirs}.self_attn.q_proj`, H * D],
      [`${theirs}.self_attn.k_proj`, G * D],
      [`${theirs}.self_attn.v_proj`, G * D],
    ])
    whole(`${theirs}.self_attn.o_proj`, `${ours}.attention.out`)
    whole(`${theirs}.post_attention_layernorm`, `${ours}.feedForward.norm`)
    stacked(`${ours}.feedForward.gateUp`, [
      [`${theirs}.mlp.gate_proj`, F],
      [`${theirs}.mlp.up_proj`, F],
    ])
    whole(`${theirs}.mlp.down_proj`, `${ours}.feedForward.down`)
  }
  whole('model.norm', 'norm')
  if (!model.tiedHead) whole('lm_head', 'head')
  return tensors
}
