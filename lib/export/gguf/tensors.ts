import { readPieces, type RegionReader } from '../../checkpoint/region.js'
import type { ModelConfig } from '../../config/types.js'
import { parameterTable } from '../../model/parameters.js'
import { huggingFaceTensors } from '../names.js'
import { blockElements, type GgufType } from './encode.js'

/** A tensor of llama.cpp's `llama` architecture, and how to read it from our flat region. */
export interface GgufTensor {
  readonly name: string
  /** Row-major, as ours; GGUF lists dimensions the other way round. */
  readonly shape: readonly number[]
  readonly type: GgufType
  /** The elements in llama.cpp's order, in pieces of whole rows, each valid until the next is asked for. */
  read(weights: RegionReader): AsyncIterable<Float32Array>
}

/** Our Hugging Face names, in llama.cpp's words. */
const names: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
}

/**
 * Every tensor, in the order of the forward pass. Norms stay f32, as llama.cpp wants them. A matrix whose rows are no
 * whole number of Q8_0 blocks becomes f16, as llama.cpp's own tools do it.
 */
export function ggufTensors(model: ModelConfig, type: GgufType): GgufTensor[] {
  return huggingFaceTensors(model, parameterTable(model)).map(({ name, shape, offset, size }) => {
    const columns = shape.at(-1)!
    const rotated = /\.[qk]_proj\./.test(name)
    return {
      name: ggufName(name),
      shape,
      type: storedType(type, shape),
      read: (weights) =>
        rotated
          ? readRotated(weights, offset, size, model.headDim, columns)
          : readRows(weights, offset, size, columns),
    }
  })
}

function ggufName(name: string): string {
  const [, layer, kind = ''] = /^(?:model\.layers\.(\d+)\.)?(.+)\.weight$/.exec(name) ?? []
  const theirs = names[kind]
  if (theirs === undefined) throw new RangeError(`no GGUF name for ${name}`)
  return layer === undefined ? `${theirs}.weight` : `blk.${layer}.${theirs}.weight`
}

function storedType(type: GgufType, shape: readonly number[]): GgufType {
  if (shape.length === 1) return 'f32'
  return type === 'q8_0' && shape.at(-1)! % blockElements !== 0 ? 'f16' : type
}

/** Elements moved at a time: a megabyte, but at least a row. */
const pieceElements = 1 << 18

async function* readRows(weights: RegionReader, offset: number, size: number, columns: number) {
  const piece = Math.max(1, Math.floor(pieceElements / columns)) * columns
  for (let done = 0; done < size; done += piece)
    yield await weights(offset + done, Math.min(piece, size - done))
}

/**
 * Rows of query or key heads. We rotate the halves of a head, rows j and j + D/2 together; llama.cpp's `llama` rotates
 * neighbours, rows 2j and 2j + 1. So the rows of each head are dealt out anew.
 */
async function* readRotated(
  weights: RegionReader,
  offset: number,
  size: number,
  headDim: number,
  columns: number,
): AsyncGenerator<Float32Array> {
  const half = headDim / 2
  const dealt = new Float32Array(headDim * columns)
  for (let head = 0; head < size; head += dealt.length) {
    let at = 0
    for await (const piece of readPieces(weights, offset + head, dealt.length)) {
      for (let i = 0; i < piece.length;) {
        const row = Math.floor(at / columns)
        const column = at % columns
        const count = Math.min(columns - column, piece.length - i)
        const target = row < half ? 2 * row : 2 * (row - half) + 1
        dealt.set(piece.subarray(i, i + count), target * columns + column)
        i += count
        at += count
      }
    }
    yield dealt
  }
}
