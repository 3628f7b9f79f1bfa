import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../lib/native/load.js'
import type { Children } from './child.js'
import { outcomeOf, type Outcome } from './outcome.js'

/** What all cases share: a tiny configuration, and what a run of it that is left alone comes to. */
export interface Lab {
  readonly folder: string
  readonly config: string
  readonly children: Children
  readonly reference: Outcome
  /** Of the run that was left alone, from the start of its process to the end. */
  readonly seconds: number
  /** Checkpoints that such a run saves. */
  readonly saves: number
}

export const steps = 60
export const saveEvery = 5

/**
 * Patches up to step 30, then tokens; the text is read once and a half, so the second epoch begins in the second stage. A
 * save every 5 steps, evaluations and samples between them.
 */
function configText(text: string, cache: string): string {
  return `name: chaos
model: { width: 32, feedForward: 48, layers: 2, heads: 2, kvHeads: 1, headDim: 16 }
data: { train: ${text}, validationFraction: 0.1, cache: ${cache} }
schedule: { totalSteps: ${steps}, batchTokens: 512, context: 32, patchSize: 4, patchFraction: 0.5, microBatchSequences: 2 }
optimizer: { learningRate: 0.01, warmupSteps: 3 }
checkpoint: { everySteps: ${saveEvery}, keep: 2 }
evaluation: { everySteps: 10, maxTokens: 512 }
sample: { everySteps: 20, prompt: 'ROMEO:', tokens: 16 }
seed: 7
device: cpu
threads: 1
`
}

const textBytes = 22_000

export async function openLab(folder: string, children: Children): Promise<Lab> {
  const config = join(folder, 'chaos.yaml')
  const text = join(folder, 'text.txt')
  mkdirSync(folder, { recursive: true })
  writeFileSync(text, readFileSync(join(packageRoot(), 'data', 'tinyshakespeare.txt')).subarray(0, textBytes))
  writeFileSync(config, configText(text, join(folder, 'cache')))

  const out = join(folder, 'reference')
  // The first tokenizes the text, which no other run has to; so the second one's time is that of a run.
  let seconds = 0
  for (const overwrite of [[], ['--overwrite']]) {
    const ended = await children.start(trainArguments(config, out, overwrite)).ended
    if (ended.code !== 0)
      throw new Error(`The run that was left alone exited with ${ended.code}:\n${ended.err}`)
    seconds = ended.seconds
  }
  const reference = await outcomeOf(out)
  if (reference.steps.length !== steps || reference.order.length > 0)
    throw new Error(
      `The run that was left alone did ${reference.steps.length} steps: ${reference.order.join()}`,
    )
  return { folder, config, children, reference, seconds, saves: Math.floor(steps / saveEvery) }
}

export function trainArguments(config: string, out: string, more: readonly string[] = []): string[] {
  return ['train', config, '--out', out, '--json', ...more]
}
