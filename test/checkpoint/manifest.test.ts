import { createHash } from 'node:crypto'
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

test('a value that cannot be stored is refused when it is written', () => {
  for (const step of [NaN, -1, 1.5, Infinity, 2 ** 53]) {
    expect(() => renderManifest({ ...manifest, state: { ...manifest.state, step } })).toThrow()
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
    ['a hash that is none', (c) => (c.files['weights.safetensors'].sha256 = 'x')],
    ['another format', (c) => (c.format = 'other')],
    ['no files', (c) => delete c.files],
  ])('with %s', (_, change) => {
    expect(() => parse(sealed(change))).toThrow(/is damaged/)
  })

  test('with another format version, and says which', () => {
    const newer = () => parse(sealed((content) => (content.version = 2)))
    expect(newer).toThrow(expect.objectContaining({ code: 'ERR_CHECKPOINT_MISMATCH' }))
    expect(newer).toThrow(/format version 2, this release reads version 1/)
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
