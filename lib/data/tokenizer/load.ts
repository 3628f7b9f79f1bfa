import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parseBoundedJson } from '../../bounded-json.js'
import { DataError, NativeError } from '../../errors.js'
import { readRegular } from '../read/regular-file.js'
import type { BpeDefinition } from './bpe-definition.js'
import { BpeTokenizer } from './bpe-tokenizer.js'
import { BytesTokenizer, bytesFiles } from './bytes-tokenizer.js'
import { refuse } from './refuse.js'
import { parseSentencePieceModel } from './sentencepiece-model.js'
import { parseTokenizerJson, tokenizerJsonBounds } from './tokenizer-json.js'
import type { Tokenizer, TokenizerFile } from './tokenizer.js'

/** Larger than any tokenizer in use; so a wrong path (a checkpoint, a corpus) is not read into memory. */
const maxFileBytes = 64 * 2 ** 20

/** In order of preference: scores are the original, ranks were derived from them. */
const definitionNames = ['tokenizer.model', 'tokenizer.json']
const companionNames = ['tokenizer_config.json', 'special_tokens_map.json', 'added_tokens.json']

/**
 * @param spec `bytes`, a `tokenizer.model` or `tokenizer.json`, or a folder that holds one.
 * @throws {DataError} when the file is missing, malformed, or a kind of tokenizer that is not supported.
 */
export async function loadTokenizer(spec: string): Promise<Tokenizer> {
  if (spec === 'bytes') return new BytesTokenizer()
  const file = await findDefinition(spec)
  const data = await readTokenizerFile(file)
  if (isBytesTokenizer(data)) return new BytesTokenizer()
  const definition = isJson(data) ? parseTokenizerJson(data, file) : parseSentencePieceModel(data, file)
  return createTokenizer(file, data, definition)
}

/** The file that we write for `bytes`, also after other tools have laid it out anew. */
function isBytesTokenizer(data: Buffer): boolean {
  const own = Buffer.from(bytesFiles()[0]!.data)
  if (data.equals(own)) return true
  if (!isJson(data) || data.length > 2 * own.length) return false
  try {
    return isDeepStrictEqual(JSON.parse(data.toString('utf8')), JSON.parse(own.toString('utf8')))
  } catch {
    return false // no JSON at all: its reader will say so
  }
}

function createTokenizer(file: string, data: Buffer, definition: BpeDefinition): Tokenizer {
  try {
    return new BpeTokenizer(file, definition, () => existingFiles(file, data))
  } catch (error) {
    if (error instanceof NativeError && error.code === 'ERR_INVALID_ARGUMENT')
      refuse(file, error.message, error)
    throw error
  }
}

async function findDefinition(spec: string): Promise<string> {
  try {
    if (!(await stat(spec)).isDirectory()) return spec
    const present = await readdir(spec)
    const name = definitionNames.find((candidate) => present.includes(candidate))
    if (name !== undefined) return join(spec, name)
  } catch (error) {
    throw new DataError(
      `The tokenizer ${spec} cannot be read: ${(error as Error).message}. ` +
        `Give 'bytes', a tokenizer.model or tokenizer.json, or a folder that holds one.`,
      { file: spec, cause: error },
    )
  }
  throw new DataError(`The folder ${spec} holds no ${definitionNames.join(' and no ')}.`, { file: spec })
}

async function readTokenizerFile(file: string): Promise<Buffer> {
  try {
    return await readRegular(file, maxFileBytes)
  } catch (error) {
    throw new DataError(`The tokenizer ${file} cannot be read: ${(error as Error).message}`, {
      file,
      cause: error,
    })
  }
}

function isJson(data: Buffer): boolean {
  return data.subarray(0, 64).toString('latin1').trimStart().startsWith('{')
}

/** The definition as it was loaded, and the tokenizer files beside it. */
async function existingFiles(file: string, data: Buffer): Promise<TokenizerFile[]> {
  const folder = dirname(file)
  // What lies beside the definition may be gone when a long run ends; the definition alone is enough.
  const present = await readdir(folder).catch((): string[] => [])
  const files: TokenizerFile[] = [{ name: isJson(data) ? 'tokenizer.json' : 'tokenizer.model', data }]
  for (const name of [...definitionNames, ...companionNames])
    if (present.includes(name) && name !== basename(file) && name !== files[0]!.name)
      files.push({ name, data: await readCompanion(join(folder, name)) })
  return files
}

/** What lies beside a tokenizer goes into exports as it is, so it must be what its name says: a link may lead anywhere. */
async function readCompanion(file: string): Promise<Buffer> {
  const data = await readTokenizerFile(file)
  if (!file.endsWith('.json')) parseSentencePieceModel(data, file)
  else requireJsonObject(data, file)
  return data
}

function requireJsonObject(data: Buffer, file: string): void {
  try {
    const value: unknown = parseBoundedJson(data.toString('utf8'), tokenizerJsonBounds)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  } catch (error) {
    refuse(file, `it is no valid JSON (${(error as Error).message.slice(0, 200)})`, error)
  }
  refuse(file, 'it is no JSON object')
}
