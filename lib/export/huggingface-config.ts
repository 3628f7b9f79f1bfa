import { z } from 'zod'
import type { ModelConfig } from '../config/types.js'
import { CheckpointError, ConfigError } from '../errors.js'

/** What a `config.json` says besides the shape of the model. */
export interface LanguageSettings {
  /** T the model was trained with; the longest context it should be used for. */
  readonly positions: number
  /** Ids of the tokenizer; null where it has none. */
  readonly bosId: number | null
  readonly eosId: number | null
}

export type ExportDtype = 'f32' | 'bf16'

const torchNames: Readonly<Record<ExportDtype, string>> = { f32: 'float32', bf16: 'bfloat16' }

/** `config.json` for transformers. Two spellings stand where releases before 5 want the older one. */
export function renderConfig(model: ModelConfig, settings: LanguageSettings, dtype: ExportDtype): object {
  if (model.width % model.heads !== 0) {
    throw new ConfigError(
      `transformers wants a width that ${model.heads} heads divide, this model has ${model.width}. It can be trained and used here, but not exported.`,
      { path: 'model.width' },
    )
  }
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
    mlp_bias: false,
    initializer_range: model.initStd,
    bos_token_id: settings.bosId,
    eos_token_id: settings.eosId,
    pad_token_id: null,
    use_cache: true,
    torch_dtype: torchNames[dtype],
    dtype: torchNames[dtype],
  }
}

const size = z
  .number()
  .int()
  .positive()
  .max(1 << 24)
const tokenId = z.number().int().nonnegative()
const tokenIds = z.union([tokenId, z.array(tokenId).min(1)]).nullish()
const rope = z
  .looseObject({
    rope_type: z.string().optional(),
    type: z.string().optional(),
    rope_theta: z.number().positive().optional(),
  })
  .nullish()

/** Fields that shape the computation, with the defaults of `LlamaConfig`. Others do not concern us. */
const schema = z.looseObject({
  model_type: z.literal('llama'),
  vocab_size: size.default(32000),
  hidden_size: size.default(4096),
  intermediate_size: size.default(11008),
  num_hidden_layers: z.number().int().positive().max(4096).default(32),
  num_attention_heads: size.default(32),
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.literal('silu').default('silu'),
  max_position_embeddings: size.default(2048),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().optional(),
  rope_parameters: rope,
  rope_scaling: rope,
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.literal(false).default(false),
  mlp_bias: z.literal(false).default(false),
  initializer_range: z.number().nonnegative().default(0.02),
  bos_token_id: tokenIds,
  eos_token_id: tokenIds,
  quantization_config: z.null().optional(),
})

/** The model that a `config.json` describes; refused when it would compute anything that ours does not. */
export function parseConfig(path: string, text: string): { model: ModelConfig; settings: LanguageSettings } {
  const refuse = (reason: string, cause?: unknown) =>
    new CheckpointError(
      'ERR_CHECKPOINT_MISMATCH',
      `${path} does not describe a LLaMA model that can be read: ${reason}. Only plain LlamaForCausalLM models are supported.`,
      { cause },
    )
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw refuse(`it is not JSON (${(cause as Error).message.slice(0, 200)})`, cause)
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) {
    const { path: field, message } = parsed.error.issues[0]!
    throw refuse(field.length > 0 ? `${field.join('.')}: ${message}` : message)
  }

  const config = parsed.data
  for (const scaling of [config.rope_parameters, config.rope_scaling]) {
    const type = scaling?.rope_type ?? scaling?.type ?? 'default'
    if (type !== 'default') throw refuse(`it scales its rotary positions (${type})`)
  }
  const heads = config.num_attention_heads
  const kvHeads = config.num_key_value_heads ?? heads
  const headDim = config.head_dim ?? Math.floor(config.hidden_size / heads)
  if (heads % kvHeads !== 0) throw refuse(`${heads} query heads cannot share ${kvHeads} key/value heads`)
  if (headDim === 0 || headDim % 2 !== 0) throw refuse(`head_dim ${headDim} is not even`)
  return {
    model: {
      vocabSize: config.vocab_size,
      width: config.hidden_size,
      feedForward: config.intermediate_size,
      layers: config.num_hidden_layers,
      heads,
      kvHeads,
      headDim,
      ropeTheta: config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10000,
      normEpsilon: config.rms_norm_eps,
      tiedHead: config.tie_word_embeddings,
      initStd: config.initializer_range,
    },
    settings: {
      positions: config.max_position_embeddings,
      bosId: firstOf(config.bos_token_id),
      eosId: firstOf(config.eos_token_id),
    },
  }
}

/** Chat models list several ends of text; the first one is that of plain text. */
function firstOf(ids: number | readonly number[] | null | undefined): number | null {
  if (typeof ids === 'number') return ids
  return ids?.[0] ?? null
}
