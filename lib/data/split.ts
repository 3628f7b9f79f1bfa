/** Holds the end of a corpus out for validation. */
import { ConfigError } from '../errors.js'
import { sliceTokens } from './shards/token-source.js'
import type { TokenSource } from './shards/token-source.js'

const CHUNK = 2 ** 16

export interface Split {
  readonly train: TokenSource
  readonly validation: TokenSource
  /** Where validation begins; no document lies on both sides, unless the end of the corpus is a single one. */
  readonly cut: number
}

/**
 * The last documents of the corpus, about `fraction` of its tokens: the cut is at the first document that
 * begins in that part. If none begins in its first half, as in a corpus of one text file, the cut is at the
 * fraction itself.
 */
export async function splitValidation(source: TokenSource, fraction: number, bosId: number): Promise<Split> {
  const wanted = Math.ceil(source.tokens * fraction)
  if (!(fraction > 0 && fraction < 1) || wanted >= source.tokens) {
    throw new ConfigError(
      `validationFraction is ${fraction} of ${source.tokens} tokens. It must lie between 0 and 1 and leave tokens to train on.`,
      { path: 'data.validationFraction' },
    )
  }
  const target = source.tokens - wanted
  const cut = (await findId(source, bosId, target, target + Math.ceil(wanted / 2))) ?? target
  return {
    train: sliceTokens(source, 0, cut),
    validation: sliceTokens(source, cut, source.tokens),
    cut,
  }
}

async function findId(
  source: TokenSource,
  id: number,
  from: number,
  to: number,
): Promise<number | undefined> {
  for (let at = from; at < to; at += CHUNK) {
    const ids = new Int32Array(Math.min(CHUNK, to - at))
    await source.read(at, ids)
    const index = ids.indexOf(id)
    if (index >= 0) return at + index
  }
  return undefined
}
