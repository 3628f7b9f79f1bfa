import { DataError } from '../../errors.js'

/** Throws the error for a tokenizer file that cannot be used: what is wrong with it, and what can be used. */
export function refuse(file: string, problem: string, cause?: unknown): never {
  throw new DataError(
    `The tokenizer ${file} cannot be used: ${problem}. Use the tokenizer.model or tokenizer.json of a LLaMA-2 style ` +
      `tokenizer (BPE with byte fallback, no normalisation), or 'bytes'.`,
    { file, cause },
  )
}
