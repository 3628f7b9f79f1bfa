import { z } from 'zod'
import { DataError } from '../../errors.js'
import { tokenTypes, type GgufVocabulary } from './tokenizer.js'

/*
 * A byte-level BPE (GPT-2, LLaMA 3, our bytes) from its tokenizer.json. What llama.cpp cannot know from vocabulary and
 * merges is how text is cut into words first; it has that in its code, under names.
 */

const pattern = z.object({ Regex: z.string() })
const splitter = z.looseObject({
  type: z.string(),
  pattern: z.union([pattern, z.object({ String: z.string() })]).optional(),
  behavior: z.string().optional(),
  add_prefix_space: z.boolean().optional(),
  use_regex: z.boolean().optional(),
  individual_digits: z.boolean().optional(),
})
const preTokenizer = splitter.extend({ pretokenizers: z.array(splitter).optional() })
const merge = z.union([z.string(), z.tuple([z.string(), z.string()])])
const schema = z.looseObject({
  added_tokens: z
    .array(z.looseObject({ id: z.number().int().nonnegative(), content: z.string(), special: z.boolean() }))
    .nullish(),
  normalizer: z.looseObject({ type: z.string() }).nullish(),
  pre_tokenizer: preTokenizer.nullish(),
  post_processor: z.unknown(),
  model: z.looseObject({
    type: z.literal('BPE'),
    vocab: z.record(z.string(), z.number().int().nonnegative()),
    merges: z.array(merge),
    unk_token: z.string().nullish(),
    byte_fallback: z.boolean().nullish(),
  }),
})
type Splitter = z.infer<typeof splitter>

/** Undefined when the file describes another kind of tokenizer. */
export function byteLevelVocabulary(
  json: Uint8Array,
  config: Uint8Array | undefined,
): GgufVocabulary | undefined {
  const parsed = schema.safeParse(parseJson(json))
  if (!parsed.success) return undefined
  const { model, added_tokens: added, pre_tokenizer: pre, normalizer } = parsed.data
  const splitters = pre?.pretokenizers ?? (pre ? [pre] : [])
  if (model.byte_fallback === true || !splitters.some(({ type }) => type === 'ByteLevel')) return undefined
  if (normalizer) refuse(`it changes the text before it reads it (a normalizer ${normalizer.type})`)

  const tokens: (string | undefined)[] = []
  const types: number[] = []
  const put = (id: number, text: string, type: number) => {
    tokens[id] = text
    types[id] = type
  }
  for (const [text, id] of Object.entries(model.vocab)) put(id, text, tokenTypes.normal)
  for (const { id, content, special } of added ?? [])
    put(id, content, special ? tokenTypes.control : tokenTypes.userDefined)
  const gap = tokens.findIndex((token) => token === undefined)
  if (gap >= 0) refuse(`there is no token with the id ${gap}, but one with ${tokens.length - 1}`)

  const special = specialTokens(config)
  const idOf = (text: string | undefined) => {
    const id = text === undefined ? -1 : tokens.indexOf(text)
    return id >= 0 ? id : null
  }
  return {
    model: 'gpt2',
    pre: nameOf(splitters, model.merges.length),
    tokens: tokens as string[],
    types,
    merges: model.merges.map((pair) => (typeof pair === 'string' ? pair : pair.join(' '))),
    bosId: idOf(special.bos),
    eosId: idOf(special.eos),
    unkId: idOf(model.unk_token ?? undefined),
    addsBos: special.addsBos ?? putsFirst(parsed.data.post_processor, special.bos),
    addsSpace: false,
  }
}

/** Expressions of tokenizers whose way of cutting llama.cpp knows. */
const knownExpressions: Readonly<Record<string, string>> = {
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    'llama-bpe',
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+":
    'qwen2',
}

/** llama.cpp's name for the way in which these splitters cut. */
function nameOf(splitters: readonly Splitter[], merges: number): string {
  const last = splitters.at(-1)!
  if (last.type === 'ByteLevel' && last.add_prefix_space !== true) {
    if (merges === 0) return 'gpt-2' // nothing is ever joined, so it does not matter where text is cut
    if (splitters.length === 1 && last.use_regex !== false) return 'gpt-2'
    const [first] = splitters
    if (
      splitters.length === 2 &&
      first!.type === 'Digits' &&
      first!.individual_digits &&
      last.use_regex !== false
    )
      return 'smollm'
    if (splitters.length === 2 && first!.type === 'Split' && last.use_regex === false) {
      const expression = first!.pattern && 'Regex' in first!.pattern ? first!.pattern.Regex : ''
      const known = first!.behavior === 'Isolated' ? knownExpressions[expression] : undefined
      if (known !== undefined) return known
    }
  }
  return refuse(`it cuts text in a way that has no name here (${JSON.stringify(splitters).slice(0, 300)})`)
}

function refuse(reason: string): never {
  throw new DataError(
    `tokenizer.json cannot become a GGUF vocabulary: ${reason}. Known are sentencepiece, bytes, and the byte-level ` +
      'tokenizers of GPT-2, LLaMA 3, Qwen 2 and SmolLM; for others use the tools of llama.cpp on the exported folder.',
    { file: 'tokenizer.json' },
  )
}

interface SpecialTokens {
  readonly bos: string | undefined
  readonly eos: string | undefined
  readonly addsBos: boolean | undefined
}

/** What tokenizer_config.json says; tokens are given as text or as objects with a `content`. */
function specialTokens(config: Uint8Array | undefined): SpecialTokens {
  const token = z.union([
    z.string(),
    z.looseObject({ content: z.string() }).transform(({ content }) => content),
  ])
  const parsed = z
    .looseObject({
      bos_token: token.nullish(),
      eos_token: token.nullish(),
      add_bos_token: z.boolean().nullish(),
    })
    .safeParse(config ? parseJson(config) : {})
  const { bos_token: bos, eos_token: eos, add_bos_token: addsBos } = parsed.data ?? {}
  return { bos: bos ?? undefined, eos: eos ?? undefined, addsBos: addsBos ?? undefined }
}

/** Whether a `TemplateProcessing`, alone or in a sequence, puts this token before a text. */
function putsFirst(processor: unknown, bos: string | undefined): boolean {
  if (typeof processor !== 'object' || processor === null) return false
  if ('processors' in processor && Array.isArray(processor.processors))
    return processor.processors.some((inner) => putsFirst(inner, bos))
  if (!('single' in processor) || !Array.isArray(processor.single)) return false
  const first = processor.single[0] as { SpecialToken?: { id?: unknown } } | undefined
  return bos !== undefined && first?.SpecialToken?.id === bos
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'))
  } catch {
    return undefined
  }
}
