import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { completeConfig } from '../../lib/config/complete.js'
import { formatConfig, loadConfig } from '../../lib/config/load.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import { ConfigError } from '../../lib/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'patchtrain-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const yaml = file(
  'run.yaml',
  `model: { preset: 3m, layers: 2 }
data: { train: [a.txt], cache: from-file }
schedule: { totalSteps: 90, batchTokens: 4096, context: 128, patchFraction: 2/3 }
optimizer: { learningRate: 1e-3 }
device: from-file
threads: 1
`,
)

describe('precedence', () => {
  it('is flags over environment over file over defaults', () => {
    const config = resolveConfig(
      loadConfig({
        file: yaml,
        environment: {
          PATCHTRAIN_DEVICE: 'from-environment',
          PATCHTRAIN_THREADS: '2',
          PATCHTRAIN_OTHER: 'x',
        },
        flags: { device: 'cpu', schedule: { totalSteps: 30 } },
      }),
    )
    expect(config.device).toBe('cpu')
    expect(config.threads).toBe(2)
    expect(config.data.cache).toBe('from-file')
    expect(config.seed).toBe(1)
    expect(config.stages.map((stage) => stage.length)).toEqual([{ steps: 20 }, { steps: 10 }])
  })

  it('numbers set by flags refine the preset of the file', () => {
    const config = resolveConfig(
      loadConfig({
        file: file(
          'm.json',
          '{"model":"3m","data":{"train":"a"},"schedule":{"totalSteps":9,"batchTokens":1024,"context":64}}',
        ),
        flags: { model: { kvHeads: 1 } },
      }),
    )
    expect(config.model).toMatchObject({ width: 192, heads: 3, kvHeads: 1 })
  })

  it('a model named by a flag replaces the file’s model whole', () => {
    expect(resolveConfig(loadConfig({ file: yaml })).model).toMatchObject({ width: 192, layers: 2 })
    expect(resolveConfig(loadConfig({ file: yaml, flags: { model: '5m' } })).model).toMatchObject({
      width: 256,
      layers: 6,
    })
  })
})

describe('the file written back', () => {
  it('resolves to the identical configuration', () => {
    const config = completeConfig(resolveConfig(loadConfig({ file: yaml })), { vocabSize: 258 })
    const path = file('resolved.yaml', formatConfig(config))
    const again = completeConfig(resolveConfig(loadConfig({ file: path })), { vocabSize: 258 })
    expect(again).toEqual(config)
    expect(formatConfig(again)).toBe(formatConfig(config))
  })
})

describe('a file that cannot be used is refused', () => {
  it.each([
    ['missing', join(folder, 'none.yaml'), /does not exist/],
    ['malformed YAML', file('a.yaml', 'model: [1'), /malformed/],
    ['malformed JSON', file('a.json', '{"model": }'), /malformed/],
    ['a list', file('b.yaml', '- 1'), /but a list/],
    ['empty', file('c.yaml', ''), /but nothing/],
  ])('%s', (_, path, message) => {
    expect(() => loadConfig({ file: path })).toThrow(message)
    expect(() => loadConfig({ file: path })).toThrow(ConfigError)
  })

  it('an environment variable that is no number', () => {
    expect(() => loadConfig({ environment: { PATCHTRAIN_THREADS: 'two' } })).toThrow(
      /PATCHTRAIN_THREADS is 'two'/,
    )
  })
})
