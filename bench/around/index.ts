import { join } from 'node:path'
import { packageRoot } from '../../lib/native/load.js'
import { lastParts } from '../command-line.js'
import type { Skipped } from '../report.js'
import { stepModels } from '../step/models.js'
import { StepSession } from '../step/session.js'
import { checkpoints } from './checkpoints.js'
import { jsonLines, scratchFolder, tokenizerOf, tokenizing, tokenShards, zstd } from './data.js'
import { generation } from './generation.js'
import { eventLoop, loading, planRun } from './runtime.js'
import { Shared } from './shared.js'
import { AroundSubject, type AroundSpec } from './subject.js'

export interface AroundOptions {
  readonly threadCounts: readonly number[]
  /** A tokenizer.model or tokenizer.json. */
  readonly tokenizer: string | undefined
  /** A file to decode. */
  readonly zstd: string | undefined
}

export interface Around {
  readonly subjects: AroundSubject[]
  readonly skipped: Skipped[]
  dispose(): Promise<void>
}

/** Of the tests; always there, and too small to stand for a real one. */
const smallVocabulary = join(packageRoot(), 'test/data/golden/tokenizer/plain.model')

/** Every row beside the step. Nothing is made before it is measured. */
export function aroundTheStep({ threadCounts, tokenizer, zstd: compressed }: AroundOptions): Around {
  const model = stepModels.find(({ name }) => name === 'C256 V32000')!
  const threads = Math.max(...threadCounts)
  const session = new Shared(
    () => StepSession.create(model, threads),
    (made) => made.dispose(),
  )
  const folder = scratchFolder()
  const bytes = tokenizerOf('bytes')
  const vocabularies = [smallVocabulary, ...(tokenizer === undefined ? [] : [tokenizer])].map((path) => ({
    what: `BPE ${lastParts(path)}`,
    made: tokenizerOf(path),
  }))
  const writing = generation(
    stepModels.find(({ name }) => name === 'C512 V32000')!,
    threads,
  )
  const specs: AroundSpec[] = [
    loading(),
    planRun(),
    ...eventLoop(session, model.name, threads),
    tokenizing(bytes, 'bytes'),
    ...vocabularies.flatMap(({ what, made }) => threadCounts.map((count) => tokenizing(made, what, count))),
    jsonLines(folder),
    ...(compressed === undefined ? [] : [zstd(compressed)]),
    ...tokenShards(folder),
    ...checkpoints(session, model.name, folder),
    ...writing.specs,
  ]
  const skipped: Skipped[] = []
  if (tokenizer === undefined)
    skipped.push({
      name: 'around tokenize, a full vocabulary',
      reason: 'that of LLaMA-2 may not be shipped; give its tokenizer.model with --tokenizer FILE',
    })
  if (compressed === undefined)
    skipped.push({ name: 'around decode zstd', reason: 'give a .zst file with --zstd FILE' })
  return {
    subjects: specs.map((spec) => new AroundSubject(spec)),
    skipped,
    async dispose() {
      await bytes.dispose()
      for (const { made } of vocabularies) await made.dispose()
      await session.dispose()
      await writing.dispose()
      await folder.dispose()
    },
  }
}
