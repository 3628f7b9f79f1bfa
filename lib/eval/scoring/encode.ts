import type { Tokenizer } from '../../data/tokenizer/tokenizer.js'
import { stripEnd } from '../tasks/python-text.js'
import type { Request } from '../tasks/task.js'
import { fitSequence, type TokenSequence } from './sequence.js'

/** How text becomes tokens, for every request alike. */
export interface Encoding {
  readonly tokenizer: Tokenizer
  /** T: positions the model reads at a time. */
  readonly positions: number
  /** BOS before every text, as tokenizers of the LLaMA family have it. */
  readonly bos: boolean
}

/**
 * Requests to tokens, exactly as the harness does it (`TemplateLM._encode_pair`): spaces at the end of the context belong
 * to the continuation; both are encoded together, and the cut is where the tokens of the context alone end. Without a
 * context, the continuation follows BOS.
 * @param what names request i in errors
 */
export async function encodeRequests(
  requests: readonly Request[],
  encoding: Encoding,
  what: (i: number) => string,
): Promise<TokenSequence[]> {
  const contexts = new Map<string, number>()
  const kept = requests.map(({ context }) => {
    const stripped = stripEnd(context)
    if (!contexts.has(stripped)) contexts.set(stripped, contexts.size)
    return stripped
  })
  const { tokenizer, bos, positions } = encoding
  const alone = await tokenizer.encodeDocuments([...contexts.keys()], { bos })
  const whole = await tokenizer.encodeDocuments(
    requests.map(({ context, continuation }) => context + continuation),
    { bos },
  )
  return requests.map(({ context }, i) => {
    const both = whole.ids.subarray(whole.offsets[i], whole.offsets[i + 1])
    if (context === '') {
      const ids = both[0] === tokenizer.bosId ? both.slice() : joined([tokenizer.bosId], both)
      return fitSequence(ids, ids.length - 1, positions, what(i))
    }
    const c = contexts.get(kept[i]!)!
    const before = alone.ids.subarray(alone.offsets[c], alone.offsets[c + 1])
    const after = both.subarray(before.length)
    return fitSequence(joined(before, after), after.length, positions, what(i))
  })
}

/**
 * A document as the harness' rolling likelihood reads it (`get_rolling_token_windows` with one token of context): the
 * tokens of the whole text, BOS in front included, are each predicted once, the first from BOS; windows of T tokens lie
 * side by side, and the last one reaches back for as much context as fits.
 */
export function rollingWindows(ids: Int32Array, prefix: number, positions: number): TokenSequence[] {
  const windows: TokenSequence[] = []
  for (let predicted = 0; predicted < ids.length;) {
    const end = Math.min(ids.length, predicted + positions)
    const window =
      predicted === 0 ? joined([prefix], ids.subarray(0, end)) : ids.slice(end - positions - 1, end)
    windows.push({ ids: window, scored: end - predicted })
    predicted = end
  }
  return windows
}

/**
 * The paper's blocks: all texts joined, each with BOS in front, cut into blocks of T tokens of which all but the first are
 * predicted; what does not fill a block is dropped.
 */
export function blocks(ids: Int32Array, positions: number): TokenSequence[] {
  return Array.from({ length: Math.floor(ids.length / positions) }, (_, b) => ({
    ids: ids.slice(b * positions, (b + 1) * positions),
    scored: positions - 1,
  }))
}

function joined(a: ArrayLike<number>, b: ArrayLike<number>): Int32Array {
  const both = new Int32Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}
