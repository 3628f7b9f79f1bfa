import { existsSync } from 'node:fs'
import { listCheckpoints } from '../../checkpoint/folder.js'
import type { RunConfig } from '../../config/types.js'
import { countParameters } from '../../model/parameters.js'
import { grouped, loss, percent, si, siUnit } from '../../report/format.js'
import { lossSeries } from '../../report/loss-series.js'
import { lastEvent, readMetrics, type MetricsLine } from '../../report/metrics.js'
import { sparkline } from '../../report/sparkline.js'
import { totalSteps } from '../../train/progress.js'
import { readRunConfig, runFolder } from '../../train/run-folder.js'
import { fields, type Finding } from './finding.js'

export async function inspectRun(folder: string): Promise<Finding> {
  const places = runFolder(folder)
  const config = readRunConfig(places)
  const events = existsSync(places.metrics) ? readMetrics(places.metrics) : []
  const checkpoints = await listCheckpoints(places.checkpoints)
  const lastStep = lastEvent(events, 'step')
  const lastEvaluation = lastEvent(events, 'evaluation')
  const end = lastEvent(events, 'end')
  const steps = totalSteps(config)
  const step = lastStep?.step ?? 0
  return {
    text: [
      fields([
        ['run', `${config.name} (${folder})`],
        ['model', `${si(countParameters(config.model), 'B')} parameters`],
        ['plan', config.stages.map(stageText).join(', then ')],
        [
          'progress',
          `${grouped(step)} of ${grouped(steps)} steps (${percent(step / steps)}), ${endText(end, step, steps)}`,
        ],
        ['read so far', lastStep && `${si(lastStep.tokens, 'B')} tokens, ${siUnit(lastStep.flops, 'FLOP')}`],
        ['training loss', lastStep && `${loss(lastStep.loss)} (K = ${lastStep.patchSize})`],
        [
          'validation',
          lastEvaluation &&
            `loss ${loss(lastEvaluation.loss)}, perplexity ${lastEvaluation.perplexity.toFixed(2)} at step ${grouped(lastEvaluation.step)}`,
        ],
        ['checkpoints', checkpoints.map((checkpoint) => grouped(checkpoint.step)).join(', ') || 'none'],
        ['exported', existsSync(places.model) ? places.model : undefined],
      ]),
      ...curves(events),
    ].join('\n'),
    json: { kind: 'run', path: folder, config, steps, lastStep, lastEvaluation, end, checkpoints },
  }
}

function stageText({ name, patchSize, steps }: RunConfig['stages'][number]): string {
  return `${grouped(steps)} steps ${name} (K = ${patchSize})`
}

function endText(end: MetricsLine | undefined, step: number, steps: number): string {
  if (step >= steps) return 'done'
  if (end && end.step >= step) return 'stopped; go on with patchtrain resume'
  return 'not ended: it is running, or it was interrupted'
}

/** One line a stage: the training loss from its first step to its last. */
function curves(events: readonly MetricsLine[]): string[] {
  return lossSeries(events, 48).stages.map(({ patchSize, points }) => {
    const losses = points.map((point) => point.loss)
    return `\nloss, K = ${patchSize}: ${loss(losses[0]!)} ${sparkline(losses)} ${loss(losses.at(-1)!)}`
  })
}
