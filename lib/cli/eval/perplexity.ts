import type { LoadedModel } from '../../eval/model.js'
import { evaluatePerplexity, type PerplexityOptions, type PerplexityResult } from '../../eval/perplexity.js'
import { grouped, loss, percent } from '../../report/format.js'
import type { StatusLine } from '../../report/status-line.js'
import { fields } from '../inspect/finding.js'
import type { EvalOutput } from './output.js'

/** Perplexity of any text, as the paper measures it. */
export async function runPerplexity(
  model: LoadedModel,
  options: Omit<PerplexityOptions, 'onProgress'>,
  status: StatusLine,
): Promise<EvalOutput> {
  const result = await evaluatePerplexity(model, {
    ...options,
    onProgress: (done, blocks) => status.show(`evaluating ${percent(done / blocks)}`),
  })
  return { json: { model: model.source, ...result }, text: resultText(result, model.source) }
}

function resultText(result: PerplexityResult, source: string): string {
  return fields([
    ['model', source],
    ['loss', `${loss(result.loss)} nats a token`],
    ['perplexity', result.perplexity.toFixed(3)],
    ['bits/byte', result.bitsPerByte.toFixed(4)],
    ['word perplexity', result.wordPerplexity.toFixed(3)],
    ['text', `${grouped(result.documents)} documents, ${grouped(result.tokens)} tokens`],
    ['scored', `${grouped(result.blocks)} blocks; ${grouped(result.dropped)} tokens left out`],
  ])
}
