import { writeFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { SaveError } from '../../errors.js'
import { duration, grouped, loss, si } from '../../report/format.js'
import { lossPicture } from '../../report/loss-picture.js'
import { lastEvent, readMetrics, type MetricsLine } from '../../report/metrics.js'
import { table } from '../../report/table.js'
import { runFolder } from '../../train/run-folder.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { exitCode, UsageError } from '../exit.js'

export const report = defineCommand({
  positionals: {
    runs: { type: 'string', array: true, demandOption: true, describe: 'Run folders' },
  },
  options: {
    out: { type: 'string', default: 'losses.svg', describe: 'The picture to draw' },
    title: { type: 'string', default: 'Loss', describe: 'Its title' },
    label: {
      type: 'string',
      array: true,
      describe: 'What to call each run, in their order; their folders unless given',
    },
    json: { type: 'boolean', default: false, describe: 'The comparison as JSON' },
  },
  examples: [
    [
      'report runs/patch runs/token --label "K = 4" --label tokens',
      'two runs over the text read and the compute spent',
    ],
  ],
  run(args, context) {
    const { runs, label, out, title } = args
    if (label && label.length !== runs.length) {
      throw new UsageError(
        `${label.length} labels for ${runs.length} runs. Give --label once for each, or not at all.`,
      )
    }
    const pictured = runs.map((run, i) => ({
      label: label?.[i] ?? basename(resolve(run)),
      events: readMetrics(runFolder(run).metrics),
    }))
    try {
      writeFileSync(out, lossPicture(pictured, title))
    } catch (cause) {
      throw new SaveError(
        `Cannot write the picture ${out}: ${(cause as Error).message}. Give another --out.`,
        { cause },
      )
    }
    const results = pictured.map((run) => ({ label: run.label, ...resultOf(run.events) }))
    if (args.json) writeJson(context, { picture: out, runs: results })
    else writeLine(context, `${comparison(results)}\n\nwrote ${out}`)
    return Promise.resolve(exitCode.ok)
  },
})

interface RunResult {
  readonly label: string
  readonly steps: number
  readonly tokens: number
  readonly flops: number
  /** Spent in training steps. */
  readonly seconds: number
  readonly validationLoss: number | undefined
}

function resultOf(events: readonly MetricsLine[]): Omit<RunResult, 'label'> {
  const step = lastEvent(events, 'step')
  const seconds = events.reduce((sum, event) => sum + (event.type === 'step' ? event.seconds : 0), 0)
  return {
    steps: step?.step ?? 0,
    tokens: step?.tokens ?? 0,
    flops: step?.flops ?? 0,
    seconds,
    validationLoss: lastEvent(events, 'evaluation')?.loss,
  }
}

function comparison(results: readonly RunResult[]): string {
  const right = true
  return table(
    [
      { title: 'run' },
      { title: 'steps', right },
      { title: 'tokens', right },
      { title: 'compute', right },
      { title: 'time in steps', right },
      { title: 'validation loss', right },
    ],
    results.map((result) => [
      result.label,
      grouped(result.steps),
      si(result.tokens, 'B'),
      `${si(result.flops)}FLOP`,
      duration(result.seconds),
      result.validationLoss === undefined ? '–' : loss(result.validationLoss),
    ]),
  )
}
