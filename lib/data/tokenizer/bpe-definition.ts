import { createHash } from 'node:crypto'

/** What `tokenizer.model` and `tokenizer.json` both say: everything that decides which ids a text gets. */
export interface BpeDefinition {
  /** Index = id. */
  readonly pieces: readonly BpePiece[]
  readonly bosId: number
  readonly eosId: number
  readonly unkId: number
  /** A space is put before every text, and dropped again when decoding. */
  readonly dummyPrefix: boolean
}

export interface BpePiece {
  /** A normal piece with `▁` (U+2581) for a space, a byte piece as `<0x41>`. */
  readonly text: string
  /** Of a normal piece: of two possible merges the one that makes the piece of higher score goes first. */
  readonly score: number
  readonly type: PieceType
}

/** The numbers are those of sentencepiece_model.proto. */
export const pieceTypes = { normal: 1, unknown: 2, control: 3, byte: 6 } as const
export type PieceType = (typeof pieceTypes)[keyof typeof pieceTypes]

/** As in the native code (bpe_model.h): generous against any vocabulary, and bounds on what a hostile file can cost. */
export const pieceLimits = { pieces: 2 ** 20, pieceBytes: 2 ** 10, bytes: 2 ** 24 } as const

export const spaceMark = '\u2581'

/** The ways in which a piece is the concatenation of two others, the shortest left part first. */
export function splitsOf(
  text: string,
  isPiece: (text: string) => boolean,
): (readonly [left: string, right: string])[] {
  const splits: (readonly [string, string])[] = []
  let at = 0
  for (const character of text) {
    at += character.length
    const [left, right] = [text.slice(0, at), text.slice(at)]
    if (right !== '' && isPiece(left) && isPiece(right)) splits.push([left, right])
  }
  return splits
}

/** Ids of the pieces that merges can make, in the order in which merges prefer them. */
export function mergeOrder(definition: BpeDefinition): number[] {
  const { pieces } = definition
  const isMerged = (id: number) => pieces[id]!.type === pieceTypes.normal && [...pieces[id]!.text].length > 1
  const merged = [...pieces.keys()].filter(isMerged)
  return merged.sort((a, b) => pieces[b]!.score - pieces[a]!.score || a - b)
}

/**
 * SHA-256 over the pieces and the order of their merges. Scores themselves are left out: a `tokenizer.json` has only
 * ranks, and must have the fingerprint of the `tokenizer.model` it was made from.
 */
export function fingerprintOf(definition: BpeDefinition): string {
  const hash = createHash('sha256')
  const { bosId, eosId, unkId, dummyPrefix } = definition
  hash.update(JSON.stringify(['patchtrain bpe 1', { bosId, eosId, unkId, dummyPrefix }]))
  hash.update(JSON.stringify(definition.pieces.map((piece) => [piece.type, piece.text])))
  hash.update(JSON.stringify(mergeOrder(definition)))
  return hash.digest('hex')
}
