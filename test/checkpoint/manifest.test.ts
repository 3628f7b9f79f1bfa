import { createHash } from 'node:crypto'
import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import { parseManifest, renderManifest, type Manifest } from '../../lib/checkpoint/manifest.js'
import { stateAt } from './fixture.js'

const manifest: Manifest = {
  state: stateAt(7),
  files: { 'weights.safetensors': { bytes: 12, sha256: 'a'.repeat(64) } },
}
const parse = (text: string) => parseManifest('manifest.json', Buffer.from(text))

/** What someone who knows the format could write: any content, with the right checksum. */
function sealed(change: (content: any) => void): string {
  const { checksum: _, ...content } = JSON.parse(renderManifest(manifest))
  change(content)
  const body = JSON.stringify(content, null, 2).slice(0, -2)
  return `${body},\n  "checksum": "${createHash('sha256').update(body).digest('hex')}"\n}\n`
}

test('a manifest comes back as it was', () => {
  expect(parse(renderManifest(manifest))).toEqual(manifest)
  expect(sealed(() => {})).toBe(renderManifest(manifest))
})

test('every finite double among the statistics comes back bit for bit', () => {
  const bits = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((x) => !Object.is(x, -0))
  fc.assert(
    fc.property(bits, bits, (mean, variance) => {
      const { state } = manifest
      const health = { ...state.health, gradientNorm: { count: 3, mean, variance } }
      const { gradientNorm } = parse(renderManifest({ ...manifest, state: { ...state, health } })).state
        .health
      return Object.is(gradientNorm.mean, mean) && Object.is(gradientNorm.variance, variance)
    }),
    {
      numRuns: 1000,
      examples: [
        [Number.MIN_VALUE, Number.MAX_VALUE],
        [0.1 + 0.2, -1 / 3],
      ],
    },
  )
})

test('a value that cannot be stored is refused when it is written', () => {
  for (const step of [NaN, -1, 1.5, Infinity, 2 ** 53]) {
    expect(() => renderManifest({ ...manifest, state: { ...manifest.state, step } })).toThrow()
  }
  for (const mean of [NaN, Infinity, -Infinity]) {
    const { state } = manifest
    const health = { ...state.health, loss: { count: 1, mean, variance: 0 } }
    expect(() => renderManifest({ ...manifest, state: { ...state, health } })).toThrow()
  }
})

describe('a manifest with the right checksum is refused', () => {
  const file = { bytes: 1, sha256: 'a'.repeat(64) }
  test.each([
    '../weights.safetensors',
    '/etc/passwd',
    'a/b.safetensors',
    'a\\b.safetensors',
    '..',
    '.safetensors',
    'manifest.json',
    'C:x.safetensors',
  ])('when it names the file %s', (name) => {
    const text = sealed((content) => {
      content.files = JSON.parse(`{${JSON.stringify(name)}: ${JSON.stringify(file)}}`)
    })
    expect(() => parse(text)).toThrow(/is damaged/)
  })

  test.each<[string, (content: any) => void]>([
    ['a step that is no count', (c) => (c.state.step = -1)],
    ['a step that is text', (c) => (c.state.step = '1')],
    ['a field missing', (c) => delete c.state.tokens],
    ['a field too much', (c) => (c.state.secret = 1)],
    ['statistics that are no number', (c) => (c.state.health.loss.mean = null)],
    ['statistics with a field too much', (c) => (c.state.health.loss.kind = 'x')],
    ['a health count that is no count', (c) => (c.state.health.spent = 0.5)],
    ['a hash that is none', (c) => (c.files['weights.safetensors'].sha256 = 'x')],
    ['another format', (c) => (c.format = 'other')],
    ['no files', (c) => delete c.files],
  ])('with %s', (_, change) => {
    expect(() => parse(sealed(change))).toThrow(/is damaged/)
  })

  test.each([1, 3])('with format version %i, and says which', (version) => {
    const other = () => parse(sealed((content) => (content.version = version)))
    expect(other).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT_MISMATCH' }))
    expect(other).toThrow(
      new RegExp(`format version ${version}, this release reads version 2. Use the release`),
    )
  })
})

test.each([
  ['', 'nothing'],
  ['null', 'null'],
  ['[]', 'a list'],
  ['{"a":'.repeat(100_000), 'deep nesting'],
  ['{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000), 'deep nesting that is closed'],
])('text that is no manifest is refused', (text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT_CORRUPT' }))
})

test('the same content spelled otherwise is refused', () => {
  const text = renderManifest(manifest)
  const others = [text.trimEnd(), JSON.stringify(JSON.parse(text)), text.replace('"step": 7', '"step": 7.0')]
  for (const other of others) expect(() => parse(other)).toThrow(/is damaged/)
})
