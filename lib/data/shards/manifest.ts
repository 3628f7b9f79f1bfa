/** `manifest.json` of a token set: what the shards hold, and what they were made from. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { DataError } from '../../errors.js'
import { readError } from '../read/bytes.js'

export const MANIFEST_FILE = 'manifest.json'

const count = z.number().int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const manifestSchema = z.strictObject({
  format: z.literal('patchtrain-tokens'),
  version: z.literal(1),
  /** SHA-256 of everything that decides the content: the same request finds the set again by it. */
  key: sha256,
  tokenizer: z.strictObject({
    name: z.string(),
    fingerprint: z.string(),
    vocabSize: count.positive(),
    bosId: z.number().int(),
    eosId: z.number().int(),
  }),
  /** Which marks stand around each document. */
  marks: z.strictObject({ bos: z.boolean(), eos: z.boolean() }),
  type: z.enum(['uint16', 'uint32']),
  tokens: count,
  documents: count,
  sources: z.array(z.strictObject({ path: z.string(), bytes: count, modifiedMs: z.number() })),
  shards: z.array(
    z.strictObject({
      // Plain names only: a manifest must not lead out of its folder.
      file: z.string().regex(/^[\w-]+\.tokens$/),
      tokens: count.positive(),
      documents: count,
      bytes: count,
      sha256,
    }),
  ),
})

export type Manifest = z.infer<typeof manifestSchema>

export async function readManifest(folder: string): Promise<Manifest> {
  const file = join(folder, MANIFEST_FILE)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw readError(file, error)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw damaged(file, (error as Error).message, error)
  }
  const parsed = manifestSchema.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!
    throw damaged(file, `${issue.path.join('.') || 'the whole'}: ${issue.message}`, parsed.error)
  }
  const manifest = parsed.data
  for (const field of ['tokens', 'documents'] as const) {
    const total = manifest.shards.reduce((sum, shard) => sum + shard[field], 0)
    if (total !== manifest[field])
      throw damaged(file, `the shards' ${field} add up to ${total}, not ${manifest[field]}`)
  }
  return manifest
}

export function formatManifest(manifest: Manifest): string {
  return JSON.stringify(manifest, null, 2) + '\n'
}

/**
 * Identity of the token stream, for checkpoints: equal for sets that hold the same tokens in the same
 * shards, wherever they lie and whenever their sources were touched.
 */
export function streamFingerprint(manifest: Manifest): string {
  const { tokenizer, type, shards } = manifest
  const content = [tokenizer.fingerprint, type, shards.map((shard) => [shard.tokens, shard.sha256])]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex')
}

function damaged(file: string, what: string, cause?: unknown): DataError {
  return new DataError(`${file} is damaged (${what}). Remove its folder and tokenize again.`, { file, cause })
}
