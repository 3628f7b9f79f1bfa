import { expect, it } from 'vitest'
import type { LoadedModel } from '../../lib/eval/model.js'
import { planBatches, type Scorable } from '../../lib/eval/scoring/batches.js'
import { blocks, encodeRequests, rollingWindows } from '../../lib/eval/scoring/encode.js'
import { PrefixTree } from '../../lib/eval/scoring/prefix-tree.js'
import { SequenceScorer } from '../../lib/eval/scoring/scorer.js'
import { fitSequence, type TokenSequence } from '../../lib/eval/scoring/sequence.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { goldenIds } from '../helpers/golden-weights.js'
import { exportEvalModel, loadEvalModel } from '../helpers/eval-model.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const sequence = (ids: readonly number[], scored = 1): TokenSequence => ({
  ids: Int32Array.from(ids),
  scored,
})

/** Examples of 2 to 5 endings after contexts of many lengths, some of which begin alike. */
function examples(count: number, vocabSize: number): Scorable[] {
  return Array.from({ length: count }, (_, e) => {
    const context = [...goldenIds((e % 3) * 1000, 5 + ((e * 29) % 140), vocabSize)]
    const sequences = Array.from({ length: 2 + (e % 4) }, (_, c) => {
      const ending = [...goldenIds(5000 + 97 * e + 31 * c, 1 + ((e + 3 * c) % 17), vocabSize)]
      return sequence([...context, ...ending], ending.length)
    })
    return { sequences, group: '' }
  })
}

async function scores(model: LoadedModel, scorables: readonly Scorable[], rows: number): Promise<number[][]> {
  const batches = planBatches(scorables, rows)
  const scorer = new SequenceScorer(model, batches)
  const found = new Map<Scorable, number[]>()
  for (const batch of batches) {
    const ofMembers = await scorer.score(batch)
    batch.members.forEach((member, i) => found.set(member, ofMembers[i]!))
  }
  scorer.dispose()
  return scorables.map((scorable) => found.get(scorable)!)
}

it('a score is the same bits alone and in any batch, with shared prefixes and without', async () => {
  const model = await loadEvalModel(await exportEvalModel(temporaryFolder()))
  const all = examples(40, model.model.vocabSize)
  const together = await scores(model, all, 1024)
  expect(await scores(model, all, 192)).toEqual(together)
  const alone: number[][] = []
  for (const { sequences } of all.slice(0, 12)) {
    const each = sequences.map((one) => ({ sequences: [one], group: '' }))
    // One sequence a scorer, so that nothing is shared and nothing stands beside it.
    const own: number[] = []
    for (const one of each) own.push((await scores(model, [one], 64))[0]![0]!)
    alone.push(own)
  }
  expect(together.slice(0, 12)).toEqual(alone)
  model.dispose()
})

it('a model that computes NaN is refused, not scored', async () => {
  const model = await loadEvalModel(await exportEvalModel(temporaryFolder()))
  const norm = model.weights.get('norm')
  const { writeTensor } = await import('../../lib/tensor/tensor.js')
  await writeTensor(norm, new Float32Array(norm.shape[0]!).fill(NaN))
  await expect(scores(model, examples(2, 258), 256)).rejects.toMatchObject({ code: 'ERR_NON_FINITE' })
  model.dispose()
})

it('a prefix tree holds every shared beginning once, and its paths visit every node', () => {
  const tree = new PrefixTree()
  const paths = [
    [1, 2, 3, 9],
    [1, 2, 4, 4, 9],
    [1, 2, 9],
    [5, 9],
    [1, 2, 3, 7],
  ].map((ids) => tree.add(sequence(ids)))
  expect(tree.tokens).toEqual([1, 2, 3, 4, 4, 5]) // the last id of each is only predicted
  expect(paths.map((path) => [...path])).toEqual([[0, 1, 2], [0, 1, 3, 4], [0, 1], [5], [0, 1, 2]])
  expect(tree.paths().map((path) => [...path])).toEqual([[0, 1, 2], [0, 1, 3, 4], [5]])
})

it('batches hold everything once, within their rows, the longest first', () => {
  const all = examples(60, 258)
  const batches = planBatches(all, 512)
  expect(batches.flatMap(({ members }) => members)).toHaveLength(60)
  expect(new Set(batches.flatMap(({ members }) => members)).size).toBe(60)
  expect(Math.max(...batches.map(({ rows }) => rows))).toBeLessThanOrEqual(512)
  for (const { members, rows, paths, positions } of batches) {
    const tree = new PrefixTree()
    for (const { sequences } of members) for (const one of sequences) tree.add(one)
    expect(tree.tokens.length).toBeLessThanOrEqual(rows)
    expect(tree.paths().length).toBeLessThanOrEqual(paths)
    expect(Math.max(...tree.paths().map((path) => path.length))).toBeLessThanOrEqual(positions)
  }
  const lengths = batches.map(({ positions }) => positions)
  expect(lengths).toEqual([...lengths].sort((a, b) => b - a))
})

it('examples of one group lie side by side', () => {
  const all = examples(40, 258).map((example, i) => ({ ...example, group: `g${i % 3}` }))
  const order = planBatches(all, 300).flatMap(({ members }) => members.map(({ group }) => group))
  expect(order).toEqual([...order].sort())
})

it('windows of a rolling likelihood predict every token once, and the last reaches back', () => {
  const ids = Int32Array.from({ length: 11 }, (_, i) => 10 + i)
  const windows = rollingWindows(ids, 1, 4)
  expect(windows.map((window) => [...window.ids])).toEqual([
    [1, 10, 11, 12, 13],
    [13, 14, 15, 16, 17],
    [16, 17, 18, 19, 20],
  ])
  expect(windows.map(({ scored }) => scored)).toEqual([4, 4, 3])
  expect(rollingWindows(ids.subarray(0, 3), 1, 4).map((window) => [...window.ids])).toEqual([[1, 10, 11, 12]])
})

it('blocks leave out what does not fill one', () => {
  const cut = blocks(Int32Array.from([1, 2, 3, 4, 5, 6, 7]), 3)
  expect(cut.map(({ ids, scored }) => [[...ids], scored])).toEqual([
    [[1, 2, 3], 2],
    [[4, 5, 6], 2],
  ])
})

it('too much context goes from the left; too much to score is refused', () => {
  const ids = Int32Array.from([1, 2, 3, 4, 5, 6])
  expect([...fitSequence(ids, 2, 3, 'x').ids]).toEqual([3, 4, 5, 6])
  expect([...fitSequence(ids, 2, 5, 'x').ids]).toEqual([...ids])
  for (const [scored, positions, words] of [
    [0, 5, 'no tokens to score'],
    [4, 3, '4 tokens to score; the model reads 3'],
    [6, 8, 'no context'],
  ] as const)
    expect(() => fitSequence(ids, scored, positions, 'Choice 1')).toThrow(words)
})

it('spaces at the end of a context count to the continuation; without a context BOS stands before it', async () => {
  const tokenizer = await loadTokenizer('bytes')
  const encoding = { tokenizer, positions: 64, bos: true }
  const requests = [
    { context: 'ab \u00a0', continuation: 'cd' },
    { context: '', continuation: 'cd' },
    { context: 'ab', continuation: 'é' },
  ]
  const found = await encodeRequests(requests, encoding, String)
  expect(found.map(({ scored }) => scored)).toEqual([5, 2, 2]) // a non-breaking space has two bytes
  expect(found.map(({ ids }) => ids.length)).toEqual([8, 3, 5])
  const without = await encodeRequests(requests, { ...encoding, bos: false }, String)
  expect(without.map(({ ids }) => ids.length)).toEqual([7, 3, 4])
})
