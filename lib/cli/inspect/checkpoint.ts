import type { CheckpointState } from '../../checkpoint/manifest.js'
import { openCheckpoint } from '../../checkpoint/open.js'
import { bytes, grouped, si, siUnit } from '../../report/format.js'
import { fields, type Finding } from './finding.js'
import { tensorSummary, tensorTable } from './tensors.js'

/** Opening a checkpoint checks every byte of it. */
export async function inspectCheckpoint(path: string): Promise<Finding> {
  const checkpoint = await openCheckpoint(path)
  const { state, regions } = checkpoint
  const weights = await checkpoint.tensors('weights')
  return {
    text: [
      fields([
        ['checkpoint', path],
        ['step', `${grouped(state.step)}${stageText(state)}`],
        ['read so far', `${si(state.tokens, 'B')} tokens, ${grouped(state.samples)} sequences`],
        ['spent so far', siUnit(state.flops, 'FLOP')],
        ['holds', `${regions.join(', ')}; ${bytes(checkpoint.bytes)}, all checksums right`],
        ['written by', `patchtrain ${state.codeVersion}`],
        ['tokenizer', state.run.tokenizer],
        ['data', state.run.data],
      ]),
      tensorTable(weights),
    ].join('\n\n'),
    json: {
      kind: 'checkpoint',
      path,
      state,
      regions,
      bytes: checkpoint.bytes,
      weights: weights.map(tensorSummary),
    },
  }
}

/** A finished run stands behind its last stage. */
function stageText({ stage, stageStep, run }: CheckpointState): string {
  const { stages } = run.config as { stages?: readonly { name: string }[] }
  const name = stages?.[stage]?.name
  return name === undefined ? '' : `, ${grouped(stageStep)} of them in stage '${name}'`
}
