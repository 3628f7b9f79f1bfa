import { readFile, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DataError, NativeError } from '../../errors.js'
import type { BpeDefinition } from './bpe-definition.js'
import { BpeTokenizer } from './bpe-tokenizer.js'
import { BytesTokenizer, bytesFiles } from './bytes-tokenizer.js'
import { refuse } from './refuse.js'
import { parseSentencePieceModel } from './sentencepiece-model.js'
import { parseTokenizerJson } from './tokenizer-json.js'
import type { Tokenizer, TokenizerFile } from './tokenizer.js'

/** Larger than any tokenizer in use; so a wrong path (a checkpoint, a corpus) is not read into memory. */
const maxFileBytes = 64 * 2 ** 20

/** In order of preference: scores are the original, ranks were derived from them. */
const definitionNames = ['tokenizer.model', 'tokenizer.json']
const companionNames = ['tokenizer_config.json', 'special_tokens_map.json']

/**
 * @param spec `bytes`, a `tokenizer.model` or `tokenizer.json`, or a folder that holds one.
 * @throws {DataError} when the file is missing, malformed, or a kind of tokenizer that is not supported.
 */
export async function loadTokenizer(spec: string): Promise<Tokenizer> {
  if (spec === 'bytes') return new BytesTokenizer()
  const file = await findDefinition(spec)
  const data = await readTokenizerFile(file)
  if (data.equals(bytesFiles()[0]!.data)) return new BytesTokenizer()
  const definition = isJson(data) ? parseTokenizerJson(data, file) : parseSentencePieceModel(data, file)
  return createTokenizer(file, data, definition)
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
    const { size } = await stat(file)
    if (size > maxFileBytes) refuse(file, `it has ${size} bytes, more than any tokenizer (${maxFileBytes})`)
    return await readFile(file)
  } catch (error) {
    if (error instanceof DataError) throw error
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
  const present = await readdir(folder)
  const files: TokenizerFile[] = [{ name: isJson(data) ? 'tokenizer.json' : 'tokenizer.model', data }]
  for (const name of [...definitionNames, ...companionNames])
    if (present.includes(name) && name !== basename(file) && name !== files[0]!.name)
      files.push({ name, data: await readTokenizerFile(join(folder, name)) })
  return files
}
