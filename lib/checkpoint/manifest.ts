import { createHash } from 'node:crypto'
import { z } from 'zod'
import { CheckpointError } from '../errors.js'

/** Where a run stands, besides its regions. Random numbers are counter-based, so there is no generator to save. */
export interface CheckpointState {
  /** Optimizer steps done, over the whole run. */
  readonly step: number
  /** Index of the stage that the next step belongs to. */
  readonly stage: number
  /** Steps done in that stage. */
  readonly stageStep: number
  /** Sequences the optimizer has consumed; what was only fetched ahead does not count. */
  readonly samples: number
  readonly tokens: number
  readonly flops: number
  /** Tokens of the corpus' order that lie before the stage's data. */
  readonly stageOrigin: number
  /** Sequences of the stage's data that lie behind: consumed, or passed over. */
  readonly stageSamples: number
  /** Updates since the optimizer's state was zero. */
  readonly updates: number
  readonly health: SavedHealth
  /** Version of the package that wrote it: for people, never compared. */
  readonly codeVersion: string
  readonly run: RunIdentity
}

/** What the watch over losses and gradient norms has seen so far. */
export interface SavedHealth {
  readonly incidents: number
  /** Skips and rollbacks so far. */
  readonly spent: number
  readonly loss: SavedMoments
  readonly gradientNorm: SavedMoments
}

/** Running statistics. Finite numbers, which come back bit for bit, but for −0, which comes back as 0. */
export interface SavedMoments {
  readonly count: number
  readonly mean: number
  readonly variance: number
}

/** What must be the same for a resumed run to be the same run. */
export interface RunIdentity {
  /** The resolved configuration. */
  readonly config: object
  /** Fingerprint of the tokenizer. */
  readonly tokenizer: string
  /** Hash of the manifest of the token shards. */
  readonly data: string
}

export interface Manifest {
  readonly state: CheckpointState
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>
}

export const manifestName = 'manifest.json'
export const maxManifestBytes = 16 << 20
const format = 'patchtrain-checkpoint'
const version = 2

const count = z.number().int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

const moments = z.strictObject({ count, mean: z.number(), variance: z.number() })

const schema = z.strictObject({
  format: z.literal(format),
  version: z.literal(version),
  state: z.strictObject({
    step: count,
    stage: count,
    stageStep: count,
    samples: count,
    tokens: count,
    flops: z.number().nonnegative(),
    stageOrigin: count,
    stageSamples: count,
    updates: count,
    health: z.strictObject({ incidents: count, spent: count, loss: moments, gradientNorm: moments }),
    codeVersion: z.string(),
    run: z.strictObject({ config: z.record(z.string(), z.json()), tokenizer: z.string(), data: z.string() }),
  }),
  // A plain name of a file of ours: no separator, no dots to climb by.
  files: z.record(
    z.string().regex(/^[a-z][a-z0-9-]*\.safetensors$/),
    z.strictObject({ bytes: count, sha256 }),
  ),
})

/** The text of `manifest.json`. Its last field is the SHA-256 of all that comes before it. */
export function renderManifest(manifest: Manifest): string {
  return seal(schema.parse({ format, version, ...(JSON.parse(JSON.stringify(manifest)) as Manifest) }))
}

/**
 * Accepts only what `renderManifest` writes, byte for byte: the file is parsed, rendered again and compared. So a
 * change anywhere is found, and there is no second way to spell a manifest that another reader might take differently.
 */
export function parseManifest(path: string, bytes: Uint8Array): Manifest {
  let reason = 'its checksum does not fit its content'
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    const { checksum: _, ...content } = JSON.parse(text) as Record<string, unknown>
    if (seal(content) === text) {
      refuseOtherVersion(path, content)
      const { state, files } = schema.parse(content)
      return { state, files }
    }
  } catch (error) {
    if (error instanceof CheckpointError) throw error
    reason = (error as Error).message.slice(0, 300)
  }
  const text = `${path} is damaged: ${reason}. Use the checkpoint before it, or copy this one again.`
  throw new CheckpointError('ERR_CHECKPOINT_CORRUPT', text)
}

function seal(content: object): string {
  const body = JSON.stringify(content, null, 2).slice(0, -2)
  const checksum = createHash('sha256').update(body).digest('hex')
  return `${body},\n  "checksum": "${checksum}"\n}\n`
}

function refuseOtherVersion(path: string, content: Record<string, unknown>): void {
  if (content['format'] !== format || content['version'] === version) return
  const text = `${path} has format version ${JSON.stringify(content['version'])}, this release reads version ${version}. Use the release that wrote it.`
  throw new CheckpointError('ERR_CHECKPOINT_MISMATCH', text)
}
