import type { LanguageSettings } from '../config/huggingface.js'
import type { ModelConfig } from '../config/types.js'
import { ConfigError } from '../errors.js'
import { weightType, type ExportDtype } from './weight-types.js'

export type { LanguageSettings, ExportDtype }

/**
 * `config.json` for transformers: every field of `LlamaConfig`. Two of them stand twice, because releases before 5 call
 * them otherwise (rope_theta, torch_dtype).
 */
export function renderConfig(model: ModelConfig, settings: LanguageSettings, dtype: ExportDtype): object {
  if (model.width % model.heads !== 0) {
    throw new ConfigError(
      `transformers wants a width that ${model.heads} heads divide, this model has ${model.width}. It can be trained and used here, but not exported.`,
      { path: 'model.width' },
    )
  }
  const { torch } = weightType(dtype)
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: model.vocabSize,
    hidden_size: model.width,
    intermediate_size: model.feedForward,
    num_hidden_layers: model.layers,
    num_attention_heads: model.heads,
    num_key_value_heads: model.kvHeads,
    head_dim: model.headDim,
    hidden_act: 'silu',
    max_position_embeddings: settings.positions,
    rms_norm_eps: model.normEpsilon,
    rope_theta: model.ropeTheta,
    rope_parameters: { rope_type: 'default', rope_theta: model.ropeTheta },
    tie_word_embeddings: model.tiedHead,
    attention_bias: false,
    attention_dropout: 0,
    mlp_bias: false,
    pretraining_tp: 1,
    initializer_range: model.initStd,
    bos_token_id: settings.bosId,
    eos_token_id: settings.eosId,
    pad_token_id: null,
    use_cache: true,
    torch_dtype: torch,
    dtype: torch,
  }
}

/** `generation_config.json`: where a text begins and ends. */
export function renderGenerationConfig({ bosId, eosId }: LanguageSettings): object {
  return { _from_model_config: true, bos_token_id: bosId, eos_token_id: eosId }
}
