import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { completeConfig } from '../../lib/config/complete.js'
import { formatConfig, loadConfig, readConfigFile } from '../../lib/config/load.js'
import { resolveConfig } from '../../lib/config/resolve.js'
import type { UserConfig } from '../../lib/config/schema.js'
import { CheckpointError, ConfigError } from '../../lib/errors.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const from = fileURLToPath(new URL('../golden/folder/model', import.meta.url))
const rest = { data: { train: 'x.txt' }, schedule: { totalSteps: 8, batchTokens: 512, context: 32 } }
const configOf = (model: UserConfig['model']): UserConfig => ({ ...rest, model })

/** Of test/golden/folder. */
const shape = {
  vocabSize: 61,
  width: 16,
  feedForward: 24,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  headDim: 6,
  ropeTheta: 500,
  normEpsilon: 1e-6,
  tiedHead: false,
  initStd: 0.2,
}

describe('model.from', () => {
  it('gives every value of the model, and the tokenizer unless there is another', () => {
    const draft = resolveConfig(configOf({ from }))
    expect(draft.model).toEqual({ from, ...shape })
    expect(draft.data.tokenizer).toBe(from)
    const data = { train: 'x.txt', tokenizer: 'other.json' }
    expect(resolveConfig({ ...configOf({ from }), data }).data.tokenizer).toBe('other.json')
  })

  it('names the run after the folder, with the characters that a name may have', async () => {
    const folder = join(temporaryFolder(), 'My model (1)')
    await cp(from, folder, { recursive: true })
    const draft = resolveConfig(configOf({ from: folder }))
    expect(draft.name).toBe('My-model-1--patch')
    expect(resolveConfig(configOf({ from: `${folder}/.` })).name).toBe(draft.name)
  })

  it('may stand beside values that say the same', () => {
    expect(resolveConfig(configOf({ from, width: 16, tiedHead: false })).model).toEqual({ from, ...shape })
  })

  it.each([
    ['another width', { width: 32 }, 'model.width', /model\.width is 32, but the model in .* has 16/],
    ['another head', { tiedHead: true }, 'model.tiedHead', /model\.tiedHead is true, but/],
    ['another vocabulary', { vocabSize: 64 }, 'model.vocabSize', /model\.vocabSize is 64, but/],
    ['a preset', { preset: '5m' }, 'model.preset', /preset '5m' has no place/],
  ])('refuses %s', (_, values, path, message) => {
    const resolve = () => resolveConfig(configOf({ from, ...values }))
    expect(resolve).toThrow(ConfigError)
    expect(resolve).toThrow(expect.objectContaining({ path, message: expect.stringMatching(message) }))
  })

  it('refuses a tokenizer that the embedding has no rows for, and takes a smaller one', () => {
    const draft = resolveConfig(configOf({ from }))
    expect(() => completeConfig(draft, { vocabSize: 62 })).toThrow(
      /has 62 entries, but the model in .* only 61/,
    )
    expect(completeConfig(draft, { vocabSize: 60 }).model.vocabSize).toBe(61)
  })

  it('is kept in the resolved configuration, which needs the folder no more', async () => {
    const parent = temporaryFolder()
    const folder = join(parent, 'model')
    await cp(from, folder, { recursive: true })
    const config = completeConfig(resolveConfig(configOf({ from: folder })), {})
    const file = join(parent, 'config.yaml')
    await writeFile(file, formatConfig(config))
    await rm(folder, { recursive: true })
    expect(completeConfig(resolveConfig(readConfigFile(file) as UserConfig), {})).toEqual(config)
  })

  it('says what is wrong with the folder', async () => {
    const folder = temporaryFolder()
    const resolve = (path: string) => () => resolveConfig(configOf({ from: path }))
    expect(resolve(join(folder, 'none'))).toThrow(/none, which does not exist/)
    expect(resolve(folder)).toThrow(/which holds no config\.json/)
    await writeFile(join(folder, 'config.json'), '{"model_type":"gpt2"}')
    expect(resolve(folder)).toThrow(CheckpointError)
    expect(resolve(folder)).toThrow(/model_type: it is "gpt2"/)
    await writeFile(join(folder, 'config.json'), Buffer.alloc(2 << 20, ' '))
    expect(resolve(folder)).toThrow(/no file of a plausible size/)
  })

  it('comes from a flag over a file, where a preset in the file contradicts it', async () => {
    const file = join(temporaryFolder(), 'run.json')
    await writeFile(file, JSON.stringify(rest))
    const flags = { model: { from } }
    expect(resolveConfig(loadConfig({ file, flags })).model).toEqual({ from, ...shape })
    await writeFile(file, JSON.stringify({ ...rest, model: '5m' }))
    expect(() => resolveConfig(loadConfig({ file, flags }))).toThrow(/preset '5m' has no place/)
  })
})
