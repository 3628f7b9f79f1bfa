import type { RunConfig } from '../config/types.js'
import type {
  EndEvent,
  EvaluationEvent,
  HealthEvent,
  StartEvent,
  StepEvent,
  TasksEvent,
  TrainEvent,
} from '../events.js'
import { bytes, compact, duration, grouped, loss, percent, si } from './format.js'
import { createStatusLine, type StatusLineOptions } from './status-line.js'
import type { Terminal } from './terminal.js'

export interface Progress {
  readonly event: (event: TrainEvent) => void
  /** A line of its own, above the live line. */
  readonly note: (text: string) => void
  /** Takes the live line away. Call it before anything else writes to the terminal. */
  readonly close: () => void
}

/** Follows a run on a terminal: one live line where that is possible, a plain line now and then where it is not. */
export function createProgress(terminal: Terminal, options?: StatusLineOptions): Progress {
  const { colors } = terminal
  const status = createStatusLine(terminal, options)
  let run: StartEvent | undefined
  let clock: RunClock | undefined

  const step = (event: StepEvent) => {
    if (!run || !clock) return
    clock.add(event)
    const parts = stepParts(event, run, clock)
    const edge = event.step === run.step + 1 || event.step === stageEnd(run.config, event.stage)
    const shown = terminal.live ? fitting(parts, terminal.columns() - 1) : parts.slice(1)
    status.show(shown.map((part) => part.text).join('  '), edge)
  }

  return {
    note: status.note,
    close: status.close,
    event(event) {
      switch (event.type) {
        case 'start':
          run = event
          clock = new RunClock(event.config)
          return status.note(startText(event, colors.bold))
        case 'stage':
          return status.note(colors.cyan(stageText(event.stage, event.index, run?.config.stages.length)))
        case 'step':
          return step(event)
        case 'evaluation':
          return status.note(colors.green(evaluationText(event)))
        case 'tasks':
          return status.note(colors.green(tasksText(event)))
        case 'sample':
          return status.note(`sample at step ${grouped(event.step)}:\n${indented(event.prompt + event.text)}`)
        case 'checkpoint':
          status.note(colors.dim(`saved ${event.path} (${bytes(event.bytes)} in ${duration(event.seconds)})`))
          for (const warning of event.warnings) status.note(colors.yellow(warning))
          return
        case 'health':
          return status.note(colors.yellow(healthText(event)))
        case 'save-failed':
          return status.note(colors.red(`step ${grouped(event.step)}: ${event.message}`))
        case 'end':
          return status.note(colors.bold(endText(event)))
      }
    },
  }
}

/**
 * How far a run is and how long it still takes. Steps of different stages cost differently (a patch step has K times
 * fewer positions for the same tokens), so both are measured in positions.
 */
class RunClock {
  /** Seconds a position, smoothed; the first steps weigh more so that the estimate settles at once. */
  private secondsAPosition = 0
  private weight = 0

  constructor(private readonly config: RunConfig) {}

  add(event: StepEvent): void {
    const positions = this.stepPositions(event.stage)
    this.weight = 0.95 * this.weight + 0.05
    this.secondsAPosition += (0.05 / this.weight) * (event.seconds / positions - this.secondsAPosition)
  }

  /** Share of the run's work that is done. */
  share(event: StepEvent): number {
    return 1 - this.remaining(event) / this.total()
  }

  secondsLeft(event: StepEvent): number {
    return this.secondsAPosition * this.remaining(event)
  }

  private remaining(event: StepEvent): number {
    const later = this.config.stages
      .slice(event.stage + 1)
      .reduce((sum, s) => sum + s.steps * positionsOf(s), 0)
    return later + (stageEnd(this.config, event.stage) - event.step) * this.stepPositions(event.stage)
  }

  private total(): number {
    return this.config.stages.reduce((sum, stage) => sum + stage.steps * positionsOf(stage), 0)
  }

  private stepPositions(stage: number): number {
    return positionsOf(this.config.stages[stage]!)
  }
}

function positionsOf(stage: { batchSequences: number; context: number }): number {
  return stage.batchSequences * stage.context
}

/** Number of the stage's last step, counted over the run. */
function stageEnd(config: RunConfig, stage: number): number {
  return config.stages.slice(0, stage + 1).reduce((sum, s) => sum + s.steps, 0)
}

function startText(event: StartEvent, bold: (text: string) => string): string {
  const { config, parameters, device, deviceNotes, step, totalSteps, totalTokens } = event
  const from = step > 0 ? `, resumed at step ${grouped(step)}` : ''
  return (
    `${bold(config.name)}: ${si(parameters, 'B')} parameters on ${device}\n` +
    deviceNotes.map((note) => `${note}\n`).join('') +
    `${grouped(totalSteps)} steps, ${si(totalTokens, 'B')} tokens${from} → ${config.out}`
  )
}

function stageText(stage: RunConfig['stages'][number], index: number, of: number | undefined): string {
  const { name, patchSize: K, steps, context: T, batchSequences: B } = stage
  const kind = K === 1 ? 'token by token' : `patches of ${K} tokens`
  return (
    `stage ${index + 1}${of ? ` of ${of}` : ''}, ${name}: ${kind}, ${grouped(steps)} steps × ` +
    `${grouped(B * T * K)} tokens (${grouped(B)} × ${grouped(T)} positions)`
  )
}

interface Part {
  readonly text: string
  /** What goes first where the terminal is too narrow for all: the highest. Nothing that has 0. */
  readonly spare: number
}

/** The live line, part by part; a plain line has no use for the first, the bar. */
function stepParts(event: StepEvent, run: StartEvent, clock: RunClock): Part[] {
  const width = String(run.totalSteps).length
  const stage = run.config.stages[event.stage]
  return [
    { text: progressBar(clock.share(event), 12), spare: 3 },
    { text: `${stage?.name ?? 'step'} K=${event.patchSize}`, spare: 1 },
    { text: `step ${String(event.step).padStart(width)}/${run.totalSteps}`, spare: 0 },
    { text: `loss ${loss(event.loss)}`, spare: 0 },
    { text: `norm ${compact(event.gradientNorm)}`, spare: 4 },
    { text: `lr ${compact(event.learningRate)}`, spare: 5 },
    { text: `${si(event.tokensPerSecond)} tok/s`, spare: 2 },
    { text: `ETA ${duration(clock.secondsLeft(event))}`, spare: 0 },
  ]
}

function fitting(parts: readonly Part[], columns: number): readonly Part[] {
  const length = parts.reduce((sum, part) => sum + part.text.length + 2, -2)
  const spare = Math.max(...parts.map((part) => part.spare))
  if (length <= columns || spare === 0) return parts
  return fitting(
    parts.filter((part) => part.spare < spare),
    columns,
  )
}

function evaluationText(event: EvaluationEvent): string {
  return (
    `validation at step ${grouped(event.step)}: loss ${loss(event.loss)}  perplexity ${event.perplexity.toFixed(2)}  ` +
    `bits/byte ${event.bitsPerByte.toFixed(3)}`
  )
}

function endText(event: EndEvent): string {
  const what = event.reason === 'done' ? 'done' : 'stopped, checkpoint saved'
  return `${what}: ${grouped(event.step)} steps, ${si(event.tokens, 'B')} tokens in ${duration(event.seconds)}`
}

function healthText({
  step,
  finding,
  action,
  loss: value,
  gradientNorm,
  rolledBackTo,
  budgetLeft,
}: HealthEvent): string {
  const done = {
    record: 'recorded',
    skip: 'its update was left out',
    rollback: `went back to step ${grouped(rolledBackTo ?? 0)}, and on with other data`,
    stop: 'the run stops',
  }[action]
  const budget = action === 'skip' || action === 'rollback' ? ` (${budgetLeft} more allowed)` : ''
  const show = (x: number | null, text: (x: number) => string) => (x === null ? 'not finite' : text(x))
  return `step ${grouped(step)}: ${finding}, loss ${show(value, loss)}, norm ${show(gradientNorm, compact)}: ${done}${budget}`
}

function tasksText({ step, results }: TasksEvent): string {
  const scores = results.map(({ title, metric, metrics }) => {
    const { value } = metrics[metric]!
    return `${title} ${metric.startsWith('acc') ? percent(value) : value.toFixed(2)}`
  })
  return `tasks at step ${grouped(step)}: ${scores.join('  ')}`
}

function progressBar(share: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, share)) * width)
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${percent(share).padStart(5)}`
}

function indented(text: string): string {
  return text.replace(/^/gm, '    ')
}
