import fc from '../helpers/property.js'

/** What a length, an offset or a count may claim. */
const extremes = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 53n,
  1n << 60n,
  (1n << 64n) - 1n,
]

type Change = (bytes: Buffer) => Buffer

const flip = fc.tuple(fc.nat(), fc.nat(255)).map(([at, mask]): Change => (bytes) => {
  if (bytes.length > 0) bytes[at % bytes.length]! ^= mask
  return bytes
})

const cut = fc.nat().map(
  (at): Change =>
    (bytes) =>
      bytes.subarray(0, at % (bytes.length + 1)),
)

/** A part of the file once more, somewhere else. */
const splice = fc
  .tuple(fc.nat(), fc.nat(), fc.nat(64), fc.boolean())
  .map(([from, to, length, replace]): Change => (bytes) => {
    if (bytes.length === 0) return bytes
    const part = bytes.subarray(from % bytes.length, (from % bytes.length) + length)
    const at = to % bytes.length
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(replace ? at + part.length : at)])
  })

const extremeNumber = fc
  .tuple(fc.nat(), fc.constantFrom(...extremes), fc.constantFrom(1, 2, 4, 8))
  .map(([at, value, width]): Change => (bytes) => {
    const number = Buffer.alloc(8)
    number.writeBigUInt64LE(value)
    const start = at % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, start), number.subarray(0, width), bytes.subarray(start + width)])
  })

const awkwardTexts = [
  '9'.repeat(400),
  '1e999',
  '-1',
  '9007199254740993',
  '['.repeat(3000),
  '{"a":'.repeat(3000),
  '- '.repeat(90),
  '"__proto__":1,',
  '"constructor":{"prototype":{}},',
  '{"toString":0,"valueOf":0}',
  '../../x',
  '/etc/passwd',
  '\u0000',
  '\ufeff',
  '\\ud800',
  'null',
  '[]',
  '{}',
]

/** In the place of a number, a word or a string of a text file, or anywhere. */
const awkwardText = fc
  .tuple(fc.nat(), fc.constantFrom(...awkwardTexts), fc.boolean())
  .map(([pick, text, replace]): Change => (bytes) => {
    const content = bytes.toString('latin1')
    const words = [...content.matchAll(/"[^"]*"|[\w.]+/g)]
    const word = words[pick % Math.max(1, words.length)]
    const at = word?.index ?? pick % (bytes.length + 1)
    const rest = bytes.subarray(replace && word ? at + word[0].length : at)
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(text), rest])
  })

/** `valid` with up to four things done to it. */
export function mutated(valid: Uint8Array): fc.Arbitrary<Buffer> {
  return fc
    .array(fc.oneof(flip, cut, splice, extremeNumber, awkwardText), { minLength: 1, maxLength: 4 })
    .map((changes) => changes.reduce<Buffer>((bytes, change) => change(bytes), Buffer.from(valid)))
}

export const anyBytes: fc.Arbitrary<Buffer> = fc
  .oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.string({ unit: 'binary', maxLength: 300 }).map((text) => Buffer.from(text)),
  )
  .map((bytes) => Buffer.from(bytes))
