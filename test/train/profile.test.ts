import { describe, expect, it } from 'vitest'
import { ConfigError, DeviceMemoryError } from '../../lib/errors.js'
import { flameTree } from '../../lib/report/flame-tree.js'
import { profileRows } from '../../lib/report/profile-rows.js'
import { profileRun, type ProfileProgress } from '../../lib/train/profile.js'
import { temporaryFolder, tinyConfig } from '../helpers/tiny-run.js'

const config = (changes: Parameters<typeof tinyConfig>[1] = {}) =>
  tinyConfig(temporaryFolder(), { device: 'cpu', threads: 1, ...changes })

describe('the profile of a run', () => {
  it('measures every op of every stage, in as many micro-batches as a step has', async () => {
    const progress: ProfileProgress[] = []
    const { stages, ceilings } = await profileRun(config(), {
      steps: 2,
      onProgress: (event) => progress.push(event),
    })
    expect(stages.map(({ stage, steps, tokens }) => [stage.name, steps, tokens])).toEqual([
      ['patch', 2, 512],
      ['token', 2, 512],
    ])
    const micro = stages.map(({ stage }) => stage.batchSequences / stage.microBatchSequences)
    expect(micro).toEqual([2, 8])
    stages.forEach((step, i) => {
      expect(step.opsApart).toBe(false)
      expect(step.ops.every((op) => op.seconds >= 0 && op.floor.seconds > 0)).toBe(true)
      expect(step.opSeconds).toBeGreaterThan(0)
      const attention = profileRows(step.ops, ceilings, 'kind').filter(({ op }) => op === 'attention')
      expect(attention.map(({ phase, runs }) => [phase, runs])).toEqual([['forward', 2 * micro[i]!]])
    })
    expect(progress.filter((event) => event.doing === 'steps')).toHaveLength(2 * (3 + 2))
  })

  it('knows phase, layer and role of every op', async () => {
    const { stages, ceilings } = await profileRun(config({ recompute: 'layer' }), {
      stage: 'token',
      steps: 1,
    })
    const tree = flameTree(stages[0]!, ceilings)
    expect(tree.children.map(({ name }) => name)).toEqual(['forward', 'head and loss', 'backward', 'update'])
    const [forward, head, backward, update] = tree.children
    const names = (node = tree) => node.children.map(({ name }) => name)
    expect(names(forward)).toEqual(['patch_embedding', 'layers.0', 'layers.1', 'rms_norm'])
    expect(names(head)).toEqual(['head', 'cross_entropy', 'head dx', 'head dW', 'sum_loss'])
    expect(names(backward)).toEqual(['rms_norm_backward', 'layers.1', 'layers.0', 'patch_embedding_backward'])
    expect(names(update)).toEqual(['grad_norm', 'adamw', 'adamw'])
    const inLayer = names(backward!.children[1])
    expect(inLayer).toContain('recompute attention.qkv')
    expect(inLayer.filter((name) => /^attention\.|^feedForward\./.test(name))).toEqual([
      'feedForward.down dx',
      'feedForward.down dW',
      'feedForward.gateUp dx',
      'feedForward.gateUp dW',
      'attention.out dx',
      'attention.out dW',
      'attention.qkv dx',
      'attention.qkv dW',
    ])
  })

  it('needs no text, whatever the configuration leaves to it', async () => {
    const written = config({ data: { train: 'not/there.txt' } })
    const schedule = { epochs: 2, batchTokens: 512, context: 32, microBatchSequences: 2 }
    const { stages } = await profileRun({ ...written, schedule }, { steps: 1, stage: 'token' })
    expect(stages).toHaveLength(1)
  })

  it('refuses what cannot be measured before anything is allocated', async () => {
    await expect(profileRun(config(), { steps: 0 })).rejects.toThrow(ConfigError)
    await expect(profileRun(config(), { stage: 'pach' })).rejects.toThrow(/no stage 'pach'.*patch, token/)
  })

  it('says what would fit when memory is short', async () => {
    const huge = config({ model: { width: 65_536, layers: 100, heads: 512, vocabSize: 1_000_000 } })
    await expect(profileRun(huge, { steps: 1 })).rejects.toThrow(DeviceMemoryError)
  })
})
