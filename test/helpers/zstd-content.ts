/** What the files test/data/golden/*.zst hold, so that they need not be stored twice. */

const WORDS =
  'the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which'.split(
    ' ',
  )

/** Repeatable text that compresses like prose: `count` words by a linear congruential generator. */
export function prose(count: number, seed: number): Buffer {
  let state = seed >>> 0
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0)
  const words: string[] = []
  for (let i = 0; i < count; i++) {
    const rare = next() >>> 28 === 0 ? (next() >>> 8).toString(36) : ''
    words.push(rare || WORDS[Math.floor((next() / 2 ** 32) ** 2 * WORDS.length)]!)
  }
  return Buffer.from(words.join(' ') + '\n')
}

/** Forty texts twice, 50 or 100 MiB apart: the codes of such offsets have up to 26 extra bits, more than one load from one to the other. */
export function farRepeat(): Buffer {
  const texts = Array.from({ length: 40 }, (_, i) => prose(20, 100 + i))
  const gap = Buffer.alloc(50 * 2 ** 20, 0x20)
  const [even, odd] = [0, 1].map((half) => Buffer.concat(texts.filter((_, i) => i % 2 === half).reverse()))
  return Buffer.concat([...texts, gap, even!, gap, odd!])
}

/** Name of the file → content and the options of the zstd command that made it. */
export const ZSTD_FILES: Readonly<Record<string, { content: () => Buffer; options: string[] }>> = {
  'fast.zst': { content: () => prose(9000, 1), options: ['-1', '--no-check'] },
  'usual.zst': { content: () => prose(9000, 1), options: ['-3'] },
  'ultra.zst': { content: () => prose(9000, 1), options: ['--ultra', '-22'] },
  'streamed.zst': { content: () => prose(40_000, 2), options: ['-12', '--no-content-size'] },
  'small.zst': { content: () => prose(120, 4), options: ['-19'] },
  'far.zst': { content: farRepeat, options: ['-19', '--long=27'] },
}
