import type { ModelConfig } from '../../config/types.js'
import type { LanguageSettings } from '../huggingface-config.js'
import type { GgufType } from './encode.js'
import type { Metadata, MetadataValue } from './values.js'

/** llama.cpp's `llama_ftype`: what most of the tensors are. */
const fileTypes: Readonly<Record<GgufType, number>> = { f32: 0, f16: 1, q8_0: 7, bf16: 32 }

/** Tensor data, and each tensor in it, starts at a multiple of this. */
export const alignment = 32

/** What llama.cpp needs to build a model of the `llama` architecture, without its tokenizer. */
export function modelMetadata(
  name: string,
  model: ModelConfig,
  settings: Pick<LanguageSettings, 'positions'>,
  type: GgufType,
): Metadata {
  const u32 = (value: number): MetadataValue => ({ type: 'u32', value })
  const f32 = (value: number): MetadataValue => ({ type: 'f32', value })
  const text = (value: string): MetadataValue => ({ type: 'string', value })
  return new Map([
    ['general.architecture', text('llama')],
    ['general.type', text('model')],
    ['general.name', text(name)],
    ['general.file_type', u32(fileTypes[type])],
    ['general.quantization_version', u32(2)],
    ['general.alignment', u32(alignment)],
    ['llama.vocab_size', u32(model.vocabSize)],
    ['llama.context_length', u32(settings.positions)],
    ['llama.embedding_length', u32(model.width)],
    ['llama.block_count', u32(model.layers)],
    ['llama.feed_forward_length', u32(model.feedForward)],
    ['llama.attention.head_count', u32(model.heads)],
    ['llama.attention.head_count_kv', u32(model.kvHeads)],
    ['llama.attention.key_length', u32(model.headDim)],
    ['llama.attention.value_length', u32(model.headDim)],
    ['llama.attention.layer_norm_rms_epsilon', f32(model.normEpsilon)],
    ['llama.rope.dimension_count', u32(model.headDim)],
    ['llama.rope.freq_base', f32(model.ropeTheta)],
  ])
}
