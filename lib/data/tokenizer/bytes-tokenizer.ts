import { createHash } from 'node:crypto'
import { NativeError } from '../../errors.js'
import { jsonFile, tokenizerConfig, tokenizerJsonFrame } from './hugging-face-files.js'
import type {
  EncodedDocuments,
  EncodeOptions,
  IncrementalDecoder,
  Tokenizer,
  TokenizerFile,
} from './tokenizer.js'

/**
 * One token a byte of UTF-8: needs no file and knows every text. The id of a byte is its value; BOS is 256, EOS 257,
 * and there is nothing else: no byte can be unknown, and nothing is ever padded.
 */
export class BytesTokenizer implements Tokenizer {
  readonly name = 'bytes'
  readonly vocabSize = 258
  readonly bosId = 256
  readonly eosId = 257
  readonly fingerprint = createHash('sha256').update('patchtrain bytes 1: BOS 256, EOS 257').digest('hex')

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const { ids } = this.encodeAll([text], options)
    return ids
  }

  /** On the calling thread: it is a copy, at some hundred megabytes a second. */
  async encodeDocuments(
    texts: readonly string[],
    options: EncodeOptions & { threads?: number } = {},
  ): Promise<EncodedDocuments> {
    return this.encodeAll(texts, options)
  }

  decode(ids: ArrayLike<number>): string {
    const bytes = new Uint8Array(ids.length)
    let n = 0
    for (let i = 0; i < ids.length; i++) if (this.isByte(ids[i]!)) bytes[n++] = ids[i]!
    return newTextDecoder().decode(bytes.subarray(0, n))
  }

  createDecoder(): IncrementalDecoder {
    let decoder = newTextDecoder()
    return {
      push: (id) => (this.isByte(id) ? decoder.decode(Uint8Array.of(id), { stream: true }) : ''),
      end: () => {
        const rest = decoder.decode()
        decoder = newTextDecoder()
        return rest
      },
    }
  }

  idToPiece(id: number): string {
    return this.isByte(id) ? `<0x${id.toString(16).toUpperCase().padStart(2, '0')}>` : controlNames[id]!
  }

  files(): Promise<readonly TokenizerFile[]> {
    return Promise.resolve(bytesFiles())
  }

  dispose(): void {}

  private encodeAll(texts: readonly string[], options: EncodeOptions): EncodedDocuments {
    const perDocument = (options.bos ? 1 : 0) + (options.eos ? 1 : 0)
    const buffers = texts.map((text) => Buffer.from(text, 'utf8'))
    const ids = new Int32Array(buffers.reduce((sum, bytes) => sum + bytes.length + perDocument, 0))
    const offsets = new Int32Array(texts.length + 1)
    let at = 0
    buffers.forEach((bytes, i) => {
      if (options.bos) ids[at++] = this.bosId
      ids.set(bytes, at)
      at += bytes.length
      if (options.eos) ids[at++] = this.eosId
      offsets[i + 1] = at
    })
    return { ids, offsets }
  }

  /** False for BOS and EOS; throws for what is no id. */
  private isByte(id: number): boolean {
    if (!Number.isInteger(id) || id < 0 || id >= this.vocabSize)
      throw new NativeError(
        'ERR_OUT_OF_RANGE',
        `token id ${id} is outside the vocabulary of ${this.vocabSize}`,
      )
    return id < 256
  }
}

/** A byte order mark is text like any other. */
const newTextDecoder = () => new TextDecoder('utf-8', { ignoreBOM: true })

// Hugging Face's library finds control tokens by their spelling even inside of text, so these are spelled as no text is.
const controlNames: Record<number, string> = { 256: '<|bos|>', 257: '<|eos|>' }

/** The same tokenizer for transformers: a byte-level BPE without merges. */
export function bytesFiles(): TokenizerFile[] {
  const [bos, eos] = [controlNames[256]!, controlNames[257]!]
  const alphabet = byteAlphabet().map((character, byte) => [character, byte] as const)
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  return [
    jsonFile('tokenizer.json', {
      ...tokenizerJsonFrame(
        [
          { id: 256, content: bos },
          { id: 257, content: eos },
        ],
        bos,
      ),
      pre_tokenizer: byteLevel,
      decoder: byteLevel,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries([...alphabet, [bos, 256], [eos, 257]]),
        merges: [],
      },
    }),
    jsonFile('tokenizer_config.json', tokenizerConfig(bos, eos)),
  ]
}

/**
 * The printable character that stands for each byte in byte-level vocabularies (Radford et al., GPT-2 `encoder.py`):
 * itself where Latin-1 prints it, else the next free one from U+0100 on.
 */
function byteAlphabet(): string[] {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  let free = 0x100
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : free++))
}
