import { expandInputs } from '../data/read/glob.js'
import { readDocuments } from '../data/read/documents.js'
import { ConfigError, DataError } from '../errors.js'
import { ropeTables } from '../model/rope.js'
import { BlockEvaluator } from '../objective/evaluation.js'
import { Buffers, LayoutBuilder } from '../tensor/layout.js'
import { tensor, writeTensor } from '../tensor/tensor.js'
import type { EvaluatedModel } from './evaluated-model.js'

export interface PerplexityOptions {
  /** Files or globs of text; a document is a file (.txt) or a line (.jsonl, .jsonl.zst). */
  readonly files: string | readonly string[]
  readonly textField?: string
  /** T: tokens in a block. Default: what the model was trained with. */
  readonly context?: number
  /** Score no more than this many tokens; 0: all. */
  readonly maxTokens?: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((blocksDone: number, blocks: number) => void) | undefined
}

export interface PerplexityResult {
  /** Mean over the blocks of their mean next-token loss, nats a token. */
  readonly loss: number
  /** exp(loss): a token, so only comparable under the same tokenizer. */
  readonly perplexity: number
  /** Comparable under any tokenizer. */
  readonly bitsPerByte: number
  /** Over words between white space, from the same loss. */
  readonly wordPerplexity: number
  readonly blocks: number
  readonly documents: number
  /** Tokens of the text, without BOS. */
  readonly tokens: number
  /** Tokens at the end that did not fill a block. */
  readonly dropped: number
  readonly bytes: number
  readonly words: number
}

/** Positions scored in one pass. */
const passPositions = 4096

/**
 * Perplexity as the patch-level paper measures it (and its repository's evaluation): every document is encoded with BOS
 * in front, all are joined and cut into blocks of T tokens, the rest is dropped; a block predicts its tokens 2 … T from
 * those before, without overlap; blocks count equally.
 */
export async function evaluatePerplexity(
  writer: EvaluatedModel,
  options: PerplexityOptions,
): Promise<PerplexityResult> {
  const T = options.context ?? writer.context
  if (!Number.isInteger(T) || T < 2)
    throw new ConfigError(`A context of ${T} tokens predicts nothing. Use 2 or more.`, { path: 'context' })
  const text = await readTokens(writer, options)
  const scorable = options.maxTokens ? Math.min(options.maxTokens, text.ids.length) : text.ids.length
  const blocks = Math.floor(scorable / T)
  if (blocks === 0)
    throw new DataError(
      `The text has ${text.ids.length} tokens, fewer than one block of ${T}. Give more text or a smaller --context.`,
    )

  const { device, model, weights } = writer
  const shape = {
    sequences: Math.min(blocks, Math.max(1, Math.floor(passPositions / T))),
    positions: T,
    patch: 1,
  }
  const half = model.headDim / 2
  const rope = Buffers.allocate(
    device,
    new LayoutBuilder(device.compute).add('cos', 'f32', T, half).add('sin', 'f32', T, half).build(),
    'rotary tables',
  )
  const tables = ropeTables(model, T)
  await Promise.all([writeTensor(rope.get('cos'), tables.cos), writeTensor(rope.get('sin'), tables.sin)])
  const scalars = device.allocate(16, 'scalars')
  const activations = device.allocate(
    BlockEvaluator.layout(device.compute, model, shape).bytes,
    'activations',
  )
  try {
    const evaluator = new BlockEvaluator(
      {
        device,
        model,
        weights,
        cos: rope.get('cos'),
        sin: rope.get('sin'),
        scale: tensor(scalars, 0, 'f64', [1]),
        totalLoss: tensor(scalars, 8, 'f64', [1]),
      },
      shape,
      activations,
    )
    const { loss } = await evaluator.evaluate(
      blocks,
      async (first, ids) => ids.set(text.ids.subarray(first * T, first * T + ids.length)),
      { signal: options.signal, onProgress: (done) => options.onProgress?.(done, blocks) },
    )
    const { documents, bytes, words } = text
    const tokens = text.ids.length - documents
    return {
      loss,
      perplexity: Math.exp(loss),
      bitsPerByte: (loss * tokens) / bytes / Math.LN2,
      wordPerplexity: Math.exp((loss * tokens) / words),
      blocks,
      documents,
      tokens,
      dropped: text.ids.length - blocks * T,
      bytes,
      words,
    }
  } finally {
    for (const region of [rope.region, scalars, activations]) region.dispose()
  }
}

interface TokenizedText {
  readonly ids: Int32Array
  readonly documents: number
  readonly bytes: number
  readonly words: number
}

/** All documents, each with BOS in front, joined; as many as `maxTokens` needs. */
async function readTokens({ tokenizer }: EvaluatedModel, options: PerplexityOptions): Promise<TokenizedText> {
  const { textField, maxTokens = 0, signal } = options
  const files = await expandInputs(options.files)
  const pieces: Int32Array[] = []
  const total = { documents: 0, bytes: 0, words: 0, tokens: 0 }
  const reading = { ...(textField && { textField }), ...(signal && { signal }) }
  for await (const { text } of readDocuments(files, reading)) {
    const { ids } = await tokenizer.encodeDocuments([text], { bos: true })
    pieces.push(ids)
    total.documents++
    total.tokens += ids.length
    total.bytes += Buffer.byteLength(text)
    total.words += text.split(/\s+/).filter((word) => word !== '').length
    if (maxTokens > 0 && total.tokens >= maxTokens) break
  }
  const ids = new Int32Array(total.tokens)
  let at = 0
  for (const piece of pieces) {
    ids.set(piece, at)
    at += piece.length
  }
  return { ids, documents: total.documents, bytes: total.bytes, words: total.words }
}
