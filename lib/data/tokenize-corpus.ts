/** Text files to a token set: once; the same request finds the set again. */
import { join, resolve } from 'node:path'
import { DataError } from '../errors.js'
import { checkUnchanged, findExisting, planRequest } from './corpus-request.js'
import type { CorpusOptions, CorpusRequest } from './corpus-request.js'
import type { Document } from './read/document.js'
import { readDocuments } from './read/documents.js'
import { saving } from './shards/durable.js'
import type { Manifest } from './shards/manifest.js'
import { TokenSetWriter } from './shards/set-writer.js'
import type { Tokenizer } from './tokenizer/tokenizer.js'

/** What is needed of a tokenizer here. */
export type DocumentEncoder = Pick<
  Tokenizer,
  'name' | 'vocabSize' | 'bosId' | 'eosId' | 'fingerprint' | 'encodeDocuments'
>

export interface TokenizeOptions extends CorpusOptions {
  readonly tokenizer: DocumentEncoder
  /** The folder to make. It appears when it is complete, and is reused if the same request made it. */
  readonly out: string
  readonly threads?: number
  readonly onProgress?: (progress: TokenizeProgress) => void
  readonly signal?: AbortSignal
}

export interface TokenizeProgress {
  /** Of the input files, as stored. */
  readonly bytesRead: number
  readonly bytesTotal: number
  readonly documents: number
  readonly tokens: number
}

export interface TokenizeResult {
  readonly folder: string
  readonly manifest: Manifest
  /** True if the folder was there already. */
  readonly reused: boolean
}

/** Text handed to the tokenizer at a time, in characters: enough to keep every thread busy. */
const BATCH_CHARACTERS = 4 * 1024 * 1024

/** `tokenizeCorpus` into a folder of `cache` that is named by the request. */
export async function cachedTokens(
  options: Omit<TokenizeOptions, 'out'> & { readonly cache: string },
): Promise<TokenizeResult> {
  const { key } = await planRequest(options, options.tokenizer)
  return tokenizeCorpus({ ...options, out: join(options.cache, key.slice(0, 16)) })
}

/**
 * Tokenizes `inputs` in order. Memory is bounded by the batches, not by the files. A run that fails or is
 * aborted leaves nothing under `out`.
 */
export async function tokenizeCorpus(options: TokenizeOptions): Promise<TokenizeResult> {
  const folder = resolve(options.out)
  const request = await planRequest(options, options.tokenizer)
  const existing = await findExisting(folder, request.key)
  if (existing) return { folder, manifest: existing, reused: true }

  const { name, fingerprint, vocabSize, bosId, eosId } = options.tokenizer
  const { type, shardTokens } = request
  const tokenizer = { name, fingerprint, vocabSize, bosId, eosId }
  const writer = await saving(folder, () => TokenSetWriter.create(folder, { type, shardTokens, tokenizer }))
  try {
    await fillSet(writer, request, options)
    await checkUnchanged(request.sources)
    return await commit(writer, folder, request)
  } catch (error) {
    await writer.abandon()
    throw error
  }
}

async function fillSet(
  writer: TokenSetWriter,
  request: CorpusRequest,
  options: TokenizeOptions,
): Promise<void> {
  const { tokenizer, threads, signal, onProgress } = options
  const bytesTotal = request.sources.reduce((sum, source) => sum + source.bytes, 0)
  let bytesRead = 0
  const files = request.sources.map(({ path }) => path)
  const documents = readDocuments(files, { ...options, onRead: (bytes) => (bytesRead += bytes) })

  const encode = async (batch: readonly Document[]): Promise<Encoded> => {
    const texts = batch.map(({ text }) => text)
    const readSoFar = bytesRead
    const encoded = await tokenizer.encodeDocuments(texts, { bos: false, ...(threads && { threads }) })
    return { batch, bytesRead: readSoFar, ...encoded }
  }
  const write = async (encoded: Encoded): Promise<void> => {
    signal?.throwIfAborted()
    checkIds(encoded, tokenizer)
    await saving(options.out, () => appendDocuments(writer, encoded, request.marks, tokenizer))
    const { documents, tokens } = writer
    onProgress?.({ bytesRead: encoded.bytesRead, bytesTotal, documents, tokens })
  }

  // While one batch is encoded on other threads, the one before is written and the next is read here.
  let encoding: Promise<Encoded> | undefined
  try {
    for await (const batch of inBatches(documents)) {
      const before = await encoding
      encoding = encode(batch)
      encoding.catch(() => undefined) // reported when it is awaited, which may be later than it happens
      if (before) await write(before)
    }
    if (encoding) await write(await encoding)
  } finally {
    // After an error the tokenizer may still be at work; its caller is about to dispose it.
    await Promise.allSettled([encoding])
  }
  if (request.marks.eos) await saving(options.out, () => writer.append(Int32Array.of(tokenizer.eosId), false))
}

interface Encoded {
  readonly batch: readonly Document[]
  /** Bytes read when the batch was complete. */
  readonly bytesRead: number
  readonly ids: Int32Array
  readonly offsets: Int32Array
}

async function* inBatches(documents: AsyncIterable<Document>): AsyncGenerator<Document[], void, void> {
  let batch: Document[] = []
  let characters = 0
  for await (const document of documents) {
    batch.push(document)
    characters += document.text.length
    if (characters < BATCH_CHARACTERS) continue
    yield batch
    batch = []
    characters = 0
  }
  if (batch.length > 0) yield batch
}

/** Marks are set here, not by the tokenizer: only the start of a document gets one, not every piece of it. */
async function appendDocuments(
  writer: TokenSetWriter,
  { batch, ids, offsets }: Encoded,
  marks: Manifest['marks'],
  { bosId, eosId }: DocumentEncoder,
): Promise<void> {
  for (const [i, { continued }] of batch.entries()) {
    const text = ids.subarray(offsets[i], offsets[i + 1])
    if (continued) {
      await writer.append(text, false)
      continue
    }
    if (marks.eos && writer.documents > 0) await writer.append(Int32Array.of(eosId), false)
    if (marks.bos) await writer.append(Int32Array.of(bosId), true)
    await writer.append(text, !marks.bos)
  }
}

function checkIds({ batch, ids }: Encoded, { name, vocabSize }: DocumentEncoder): void {
  const bad = ids.findIndex((id) => id < 0 || id >= vocabSize)
  if (bad < 0) return
  const { file } = batch[0]!.source
  throw new DataError(
    `The tokenizer ${name} gave the id ${ids[bad]} in ${file}, outside its vocabulary of ${vocabSize}.`,
    {
      file,
    },
  )
}

/** Another run of the same request may have finished first: then its set is taken. */
async function commit(
  writer: TokenSetWriter,
  folder: string,
  request: CorpusRequest,
): Promise<TokenizeResult> {
  const { key, marks, sources } = request
  try {
    const manifest = await saving(folder, () => writer.commit({ key, marks, sources }))
    return { folder, manifest, reused: false }
  } catch (error) {
    const theirs = await findExisting(folder, key)
    if (!theirs) throw error
    await writer.abandon()
    return { folder, manifest: theirs, reused: true }
  }
}
