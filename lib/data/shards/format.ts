/**
 * The head of a token shard. A shard is this head, 256 bytes, and then the token ids, little-endian.
 * The format is documented in docs/token-shards.md.
 */
import { createHash } from 'node:crypto'
import { endianness } from 'node:os'
import { DataError } from '../../errors.js'

export const HEADER_BYTES = 256
export const SHARD_VERSION = 1
const MAGIC = 'PTTOKENS'
/** Where the hash of the head itself begins; everything before it is hashed. */
const SEAL = HEADER_BYTES - 32

export type TokenType = 'uint16' | 'uint32'

export const TOKEN_BYTES: Readonly<Record<TokenType, number>> = { uint16: 2, uint32: 4 }

export interface ShardHeader {
  readonly type: TokenType
  readonly vocabSize: number
  readonly tokens: number
  /** Documents that begin in this shard. */
  readonly documents: number
  /** SHA-256 of the token bytes, hex. */
  readonly sha256: string
  /** SHA-256 of the tokenizer's fingerprint, hex. */
  readonly tokenizer: string
}

/** Smallest type that holds every id of a vocabulary. */
export function tokenTypeFor(vocabSize: number): TokenType {
  return vocabSize <= 2 ** 16 ? 'uint16' : 'uint32'
}

export function shardBytes(header: Pick<ShardHeader, 'type' | 'tokens'>): number {
  return HEADER_BYTES + header.tokens * TOKEN_BYTES[header.type]
}

export function encodeHeader(header: ShardHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES)
  bytes.write(MAGIC, 0, 'latin1')
  bytes.writeUInt32LE(SHARD_VERSION, 8)
  bytes.writeUInt32LE(TOKEN_BYTES[header.type], 12)
  bytes.writeUInt32LE(header.vocabSize, 16)
  bytes.writeBigUInt64LE(BigInt(header.tokens), 24)
  bytes.writeBigUInt64LE(BigInt(header.documents), 32)
  bytes.write(header.sha256, 64, 'hex')
  bytes.write(header.tokenizer, 96, 'hex')
  seal(bytes).copy(bytes, SEAL)
  return bytes
}

/** Reads a head and holds it against the size of its file. */
export function decodeHeader(bytes: Buffer, file: string, fileBytes: number): ShardHeader {
  const fail = (what: string): never => {
    throw new DataError(`${file} ${what}. Remove its folder and tokenize again.`, { file })
  }
  if (bytes.length < HEADER_BYTES) fail(`has ${bytes.length} bytes and is too short for a token shard`)
  if (bytes.toString('latin1', 0, 8) !== MAGIC) fail('is not a token shard')
  const version = bytes.readUInt32LE(8)
  if (version !== SHARD_VERSION) {
    fail(`is a token shard of version ${version}, and this release reads version ${SHARD_VERSION}`)
  }
  if (!seal(bytes).equals(bytes.subarray(SEAL))) fail('is damaged in its head')
  const header: ShardHeader = {
    type: bytes.readUInt32LE(12) === 2 ? 'uint16' : 'uint32',
    vocabSize: bytes.readUInt32LE(16),
    tokens: Number(bytes.readBigUInt64LE(24)),
    documents: Number(bytes.readBigUInt64LE(32)),
    sha256: bytes.toString('hex', 64, 96),
    tokenizer: bytes.toString('hex', 96, 128),
  }
  const expected = shardBytes(header)
  if (fileBytes !== expected) fail(`has ${fileBytes} bytes where its head promises ${expected}`)
  return header
}

/** Token ids are moved between files and typed arrays as they are, without a swap of bytes. */
export function requireLittleEndian(): void {
  if (endianness() !== 'LE')
    throw new DataError('Token shards need a little-endian machine; this one is big-endian.')
}

function seal(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes.subarray(0, SEAL)).digest()
}
