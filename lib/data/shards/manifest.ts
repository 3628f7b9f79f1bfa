/** `manifest.json` of a token set: what the shards hold, and what they were made from. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { parseBoundedJson } from '../../bounded-json.js'
import { DataError } from '../../errors.js'
import { readRegular } from '../read/regular-file.js'

export const MANIFEST_FILE = 'manifest.json'
/** Some hundred bytes for each shard and each source. */
const MAX_MANIFEST = 64 * 2 ** 20
const BOUNDS = { values: 2 ** 22, depth: 8 }

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
    // Ids are int32 wherever they go from here.
    vocabSize: count.positive().max(2 ** 31 - 1),
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
  const bytes = await readRegular(file, MAX_MANIFEST, { ownFolder: true })
  let value: unknown
  try {
    value = parseBoundedJson(bytes.toString('utf8'), BOUNDS)
  } catch (error) {
    throw damaged(file, (error as Error).message.slice(0, 200), error)
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
