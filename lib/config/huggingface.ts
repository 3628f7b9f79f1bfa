import { z } from 'zod'
import { parseBoundedJson } from '../bounded-json.js'
import { CheckpointError } from '../errors.js'
import { largestHeadDim } from './limits.js'
import type { ModelConfig } from './types.js'

/** What a `config.json` says besides the shape of the model. */
export interface LanguageSettings {
  /** T the model was trained with; the longest context it should be used for. */
  readonly positions: number
  /** Ids of the tokenizer; null where it has none. */
  readonly bosId: number | null
  readonly eosId: number | null
}

export interface ParsedFolderConfig {
  readonly model: ModelConfig
  readonly settings: LanguageSettings
}

/** Far more than any `config.json` needs. */
const bounds = { values: 1 << 16, depth: 32 }

/** What can be read; `architectures` and `model_type` must both say so. */
const architecture = 'LlamaForCausalLM'

const size = z
  .number()
  .int()
  .positive()
  .max(1 << 24)
const tokenId = z.number().int().nonnegative()
const tokenIds = z.union([tokenId, z.array(tokenId).min(1)]).nullable()
const whole = z.literal(1, { error: 'only whole heads can be rotated' })
const rope = z
  .looseObject({
    rope_type: z.string().optional(),
    type: z.string().optional(),
    rope_theta: z.number().positive().optional(),
    partial_rotary_factor: whole.nullish(),
  })
  .nullish()

/**
 * Fields that shape the computation, with the defaults of `LlamaConfig`. Others do not concern us. Both spellings are
 * read: transformers 4 writes rope_theta, rope_scaling and torch_dtype, transformers 5 rope_parameters and dtype. (The
 * type of the weights is not read here: every tensor says its own.)
 */
const schema = z.looseObject({
  architectures: z.array(z.string()).nullish(),
  model_type: z.literal('llama'),
  vocab_size: size.default(32000),
  hidden_size: size.default(4096),
  intermediate_size: size.default(11008),
  num_hidden_layers: z.number().int().positive().max(4096).default(32),
  num_attention_heads: size.default(32),
  num_key_value_heads: size.nullish(),
  head_dim: size.nullish(),
  hidden_act: z.enum(['silu', 'swish']).default('silu'), // two names of one function
  max_position_embeddings: size.default(2048),
  rms_norm_eps: z.number().positive().default(1e-6),
  rope_theta: z.number().positive().optional(),
  rope_parameters: rope,
  rope_scaling: rope,
  partial_rotary_factor: whole.nullish(),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.literal(false).default(false),
  mlp_bias: z.literal(false).default(false),
  attention_dropout: z.literal(0).nullish(),
  initializer_range: z.number().nonnegative().default(0.02),
  bos_token_id: tokenIds.default(1),
  eos_token_id: tokenIds.default(2),
  quantization_config: z.null().optional(),
})

type Fields = z.output<typeof schema>
type Refuse = (reason: string, cause?: unknown) => CheckpointError

/**
 * The model that a `config.json` describes.
 * @param path of the file, for errors
 * @throws {CheckpointError} naming the field, when the model would compute anything that ours does not
 */
export function parseFolderConfig(path: string, text: string): ParsedFolderConfig {
  const refuse: Refuse = (reason, cause) =>
    new CheckpointError(
      'ERR_CHECKPOINT_MISMATCH',
      `${path} does not describe a model that can be read: ${reason}. Supported is ${architecture} (model_type ` +
        "'llama') without biases, scaled positions or quantisation.",
      { cause },
    )
  const config = parseFields(text, refuse)
  const heads = config.num_attention_heads
  const kvHeads = config.num_key_value_heads ?? heads
  const headDim = config.head_dim ?? Math.floor(config.hidden_size / heads)
  if (heads % kvHeads !== 0)
    throw refuse(`num_key_value_heads: ${heads} query heads cannot share ${kvHeads} key/value heads`)
  if (headDim === 0 || headDim % 2 !== 0) throw refuse(`head_dim: ${headDim} is not even`)
  if (headDim > largestHeadDim)
    throw refuse(`head_dim: ${headDim} is more than the ${largestHeadDim} that attention supports`)
  return {
    model: {
      vocabSize: config.vocab_size,
      width: config.hidden_size,
      feedForward: config.intermediate_size,
      layers: config.num_hidden_layers,
      heads,
      kvHeads,
      headDim,
      ropeTheta: ropeTheta(config, refuse),
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

function parseFields(text: string, refuse: Refuse): Fields {
  let json: unknown
  try {
    json = parseBoundedJson(text, bounds)
  } catch (cause) {
    throw refuse(`it is not JSON (${(cause as Error).message.slice(0, 200)})`, cause)
  }
  refuseOtherArchitecture(json, refuse)
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const { path: field, message } = parsed.error.issues[0]!
  throw refuse(field.length > 0 ? `${field.join('.')}: ${message}` : message)
}

/** Before anything else: of another architecture every other complaint would only confuse. */
function refuseOtherArchitecture(json: unknown, refuse: Refuse): void {
  if (typeof json !== 'object' || json === null) return
  const { architectures, model_type: type } = json as { architectures?: unknown; model_type?: unknown }
  if (Array.isArray(architectures) && !(architectures.length === 1 && architectures[0] === architecture))
    throw refuse(`architectures: it is ${quoted(architectures)}`)
  if (type !== 'llama') throw refuse(`model_type: it is ${quoted(type)}`)
}

function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing'
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

/** The base of the rotary frequencies, wherever it is written; it must be the same everywhere. */
function ropeTheta(config: Fields, refuse: Refuse): number {
  const places = { rope_parameters: config.rope_parameters, rope_scaling: config.rope_scaling }
  for (const [field, value] of Object.entries(places)) {
    const type = value?.rope_type ?? value?.type ?? 'default'
    if (type !== 'default') throw refuse(`${field}: it scales its rotary positions (${type.slice(0, 40)})`)
  }
  const written = [config.rope_parameters?.rope_theta, config.rope_scaling?.rope_theta, config.rope_theta]
  const bases = new Set(written.filter((base) => base !== undefined))
  if (bases.size > 1) throw refuse(`rope_theta: it is given as ${[...bases].join(' and ')}`)
  return [...bases][0] ?? 10_000
}

/** Chat models list several ends of text; the first one is that of plain text. */
function firstOf(ids: number | readonly number[] | null): number | null {
  return typeof ids === 'number' ? ids : (ids?.[0] ?? null)
}
