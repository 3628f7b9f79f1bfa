/** What a token set is made from, settled before a byte of it is read; equal requests have equal keys. */
import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { ConfigError, DataError } from '../errors.js'
import { readError } from './read/bytes.js'
import type { TextFormat } from './read/documents.js'
import { expandInputs } from './read/glob.js'
import { tokenTypeFor } from './shards/format.js'
import type { TokenType } from './shards/format.js'
import { MANIFEST_FILE } from './shards/manifest.js'
import type { Manifest } from './shards/manifest.js'
import { TokenSet } from './shards/token-set.js'

export interface CorpusOptions {
  /** Files or patterns. */
  readonly inputs: string | readonly string[]
  /** Default `auto`: uint16 where the vocabulary allows it. */
  readonly type?: TokenType | 'auto'
  /** Tokens in each shard but the last. */
  readonly shardTokens?: number
  /** Mark the start of each document: by default, as in the paper. */
  readonly bos?: boolean
  /** Mark the end of each document: not by default. */
  readonly eos?: boolean
  readonly textField?: string
  readonly format?: TextFormat
}

export interface CorpusRequest {
  readonly key: string
  readonly sources: Manifest['sources']
  readonly marks: Manifest['marks']
  readonly type: TokenType
  readonly shardTokens: number
}

/** 256 MiB of uint16. */
const SHARD_TOKENS = 2 ** 27

export async function planRequest(
  options: CorpusOptions,
  tokenizer: { readonly fingerprint: string; readonly vocabSize: number },
): Promise<CorpusRequest> {
  const { shardTokens = SHARD_TOKENS, bos = true, eos = false, textField = 'text', format = 'auto' } = options
  if (!Number.isSafeInteger(shardTokens) || shardTokens < 1) {
    throw new ConfigError(`shardTokens is ${shardTokens}; it must be a positive integer.`, {
      path: 'data.shardTokens',
    })
  }
  const { fingerprint, vocabSize } = tokenizer
  const smallest = tokenTypeFor(vocabSize)
  const type = options.type === undefined || options.type === 'auto' ? smallest : options.type
  if (type === 'uint16' && smallest !== 'uint16') {
    throw new ConfigError(`A vocabulary of ${vocabSize} does not fit into uint16. Use uint32 or auto.`, {
      path: 'data.type',
    })
  }
  const sources = await describeSources(await expandInputs(options.inputs))
  const marks = { bos, eos }
  const content = { version: 1, sources, fingerprint, vocabSize, marks, type, shardTokens, textField, format }
  const key = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  return { key, sources, marks, type, shardTokens }
}

async function describeSources(files: readonly string[]): Promise<Manifest['sources']> {
  const sources: Manifest['sources'] = []
  for (const path of files) {
    try {
      const { size, mtimeMs } = await stat(path)
      sources.push({ path, bytes: size, modifiedMs: mtimeMs })
    } catch (error) {
      throw readError(path, error)
    }
  }
  return sources
}

/** A file that changed while it was read would leave a set that matches neither of its versions. */
export async function checkUnchanged(sources: Manifest['sources']): Promise<void> {
  const now = await describeSources(sources.map(({ path }) => path))
  const index = now.findIndex(
    ({ bytes, modifiedMs }, i) => bytes !== sources[i]!.bytes || modifiedMs !== sources[i]!.modifiedMs,
  )
  if (index < 0) return
  const { path } = sources[index]!
  throw new DataError(`${path} changed while it was tokenized. Run again when nothing writes to it.`, {
    file: path,
  })
}

/** The set of an earlier run with the same key. A folder that holds anything else is never touched. */
export async function findExisting(folder: string, key: string): Promise<Manifest | undefined> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw error.code === 'ENOTDIR'
      ? new DataError(`${folder} is a file, not a folder.`, { file: folder })
      : readError(folder, error)
  })
  if (names.length === 0) return undefined
  if (!names.includes(MANIFEST_FILE)) {
    throw new DataError(`${folder} is not empty and holds no token set. Choose another folder.`, {
      file: folder,
    })
  }
  const set = await TokenSet.open(folder)
  await set.close()
  if (set.manifest.key === key) return set.manifest
  throw new DataError(
    `${folder} holds a token set of other inputs, another tokenizer or other options. ` +
      'Choose another folder, or remove this one to make it anew.',
    { file: folder },
  )
}
