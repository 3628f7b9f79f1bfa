// Philox4x32-10 in exact integers: the same numbers as the native generator.

/** The four 32-bit draws of block `index` (below 2^53). */
export function philox(key: readonly [number, number], stream: number, index: number): number[] {
  const mask = 0xffffffffn
  let [c0, c1, c2, c3] = [BigInt(index) & mask, BigInt(index) >> 32n, BigInt(stream), 0n]
  let [k0, k1] = key.map(BigInt) as [bigint, bigint]
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0
    const p1 = 0xcd9e8d57n * c2
    ;[c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & mask, (p0 >> 32n) ^ c3 ^ k1, p0 & mask]
    k0 = (k0 + 0x9e3779b9n) & mask
    k1 = (k1 + 0xbb67ae85n) & mask
  }
  return [c0, c1, c2, c3].map(Number)
}

/** The centre of one of 2^32 equal cells of (0, 1). */
export const uniform = (bits: number): number => (bits + 0.5) / 2 ** 32
