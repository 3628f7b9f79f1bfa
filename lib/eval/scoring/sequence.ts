import { DataError } from '../../errors.js'

/** Tokens of which the last ones are scored, each given all before it. */
export interface TokenSequence {
  /** At most one more than the model has positions: the last is only predicted. */
  readonly ids: Int32Array
  /** How many at the end are scored; fewer than there are ids. */
  readonly scored: number
}

/**
 * A sequence cut to what the model can read: too much context goes from the left, as in the harness.
 * @param positions T, the model's context
 * @throws {DataError} when what is to be scored is nothing, or alone too long; `what` names it
 */
export function fitSequence(ids: Int32Array, scored: number, positions: number, what: string): TokenSequence {
  if (scored < 1) throw new DataError(`${what} has no tokens to score. Correct it in the data.`)
  if (scored >= ids.length)
    throw new DataError(`${what} has no context to be scored after. Put BOS in front.`)
  if (scored > positions)
    throw new DataError(
      `${what} has ${scored} tokens to score; the model reads ${positions} at a time. Raise the context, or leave it out.`,
    )
  return { ids: ids.length > positions + 1 ? ids.slice(-(positions + 1)) : ids, scored }
}
