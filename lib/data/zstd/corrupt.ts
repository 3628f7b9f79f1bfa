/**
 * The bytes break a rule of the zstd format. Never leaves this folder: `decompress` turns it into a
 * `DataError` that names the file and the offset.
 */
export class CorruptBlock extends Error {}

export function corrupt(what: string): never {
  throw new CorruptBlock(what)
}
