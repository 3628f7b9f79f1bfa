import { grouped, milliseconds, percent, si, siUnit } from '../../report/format.js'
import { profileRows, type ProfileRow } from '../../report/profile-rows.js'
import { isBusy, isUnsteady, type RunProfile, type StepProfile } from '../../report/profile.js'
import { table, type Column } from '../../report/table.js'
import { fields } from './finding.js'

/** The steps of a run as tables. `everyOp`: in order of execution, instead of one row for each kind of op. */
export function profileText(profile: RunProfile, everyOp: boolean): string {
  const { name, device, parameters, ceilings, stages } = profile
  return [
    fields([
      ['profile', `${name}: ${si(parameters, 'B')} parameters on ${device}`],
      ['measured with', 'fresh weights and random tokens; medians'],
      [
        'ceilings',
        `${siUnit(ceilings.flopsPerSecond, 'FLOP/s')}, ${siUnit(ceilings.bytesPerSecond, 'B/s')}, measured before and after`,
      ],
      [
        'busy',
        isBusy(profile)
          ? `the two measurements of the ceilings differ by ${percent(profile.drift)}: something else used this machine; measure again`
          : undefined,
      ],
    ]),
    ...stages.flatMap((stage) => [headline(profile, stage), opsTable(profile, stage, everyOp)]),
    ...notes(profile, everyOp),
  ].join('\n\n')
}

function headline({ ceilings }: RunProfile, step: StepProfile): string {
  const { stage, tokens, steps, seconds, flops, floorSeconds, outsideSeconds, partsSeconds, opsApart } = step
  const speed = flops / seconds.median
  const micro = stage.batchSequences / stage.microBatchSequences
  const sequences = `${grouped(stage.batchSequences)} × ${grouped(stage.context)} positions`
  const cut = micro > 1 ? ` in ${grouped(micro)} micro-batches` : ''
  return fields([
    ['stage', `${stage.name}: K = ${stage.patchSize}, ${sequences}${cut}, ${grouped(tokens)} tokens a step`],
    [
      'step',
      `${milliseconds(seconds.median)} (${milliseconds(seconds.least)} to ${milliseconds(seconds.most)} in ${grouped(steps)}), ` +
        `${si(tokens / seconds.median, 'B')} tokens/s`,
    ],
    ['compute', `${siUnit(speed, 'FLOP/s')}, ${percent(speed / ceilings.flopsPerSecond)} of the ceiling`],
    ['floor', `${milliseconds(floorSeconds)}, ${percent(floorSeconds / seconds.median)} of the step`],
    [
      'outside ops',
      `${milliseconds(outsideSeconds)}, ${percent(outsideSeconds / partsSeconds)}: queue, JavaScript, copying the tokens`,
    ],
    [
      'unsteady',
      isUnsteady(step)
        ? `the medians of its parts add up to ${milliseconds(partsSeconds)}, which shares are of; on a quiet machine they add up to the step`
        : undefined,
    ],
    ['ops', opsApart ? 'timed in further steps that launched them one by one' : undefined],
  ])
}

function opsTable({ ceilings }: RunProfile, step: StepProfile, everyOp: boolean): string {
  const rows = profileRows(step.ops, ceilings, everyOp ? 'op' : 'kind')
  if (!everyOp) rows.sort((a, b) => b.seconds - a.seconds)
  return rowsTable(step, rows)
}

const right = true
const opColumns: readonly Column[] = [
  { title: 'in' },
  { title: 'op' },
  { title: 'shape', right },
  { title: 'runs', right },
]

function opCells({ phase, layer, op, role, shape, runs }: ProfileRow): string[] {
  return [[phase, layer ?? ''].join(' ').trimEnd(), [op, role].join('  ').trimEnd(), shape, grouped(runs)]
}

function rowsTable(step: StepProfile, rows: readonly ProfileRow[]): string {
  const share = (seconds: number) => percent(seconds / step.partsSeconds)
  return table(
    [
      ...opColumns,
      { title: 'time a step', right },
      { title: 'share', right },
      { title: 'speed', right },
      { title: 'floor', right },
      { title: 'floor/time', right },
      { title: 'bound' },
    ],
    [
      ...rows.map((row) => [
        ...opCells(row),
        milliseconds(row.seconds),
        share(row.seconds),
        speedText(row),
        milliseconds(row.floor.seconds),
        percent(row.floor.seconds / row.seconds),
        row.floor.bound,
      ]),
      null,
      [
        'all ops',
        '',
        '',
        grouped(rows.reduce((sum, { runs }) => sum + runs, 0)),
        milliseconds(step.opSeconds),
        share(step.opSeconds),
        siUnit(step.flops / step.opSeconds, 'FLOP/s'),
        milliseconds(step.floorSeconds),
        percent(step.floorSeconds / step.opSeconds),
      ],
    ],
  )
}

/** In the unit of the ceiling that binds. */
function speedText({ floor, flops, bytes: traffic, seconds }: ProfileRow): string {
  return floor.bound === 'compute' ? siUnit(flops / seconds, 'FLOP/s') : siUnit(traffic / seconds, 'B/s')
}

function notes({ stages, ceilings }: RunProfile, everyOp: boolean): string[] {
  const faster = stages.some(({ ops }) =>
    profileRows(ops, ceilings, everyOp ? 'op' : 'kind').some(
      (row) => row.floor.bound === 'memory' && row.floor.seconds > row.seconds,
    ),
  )
  return faster
    ? [
        'Over 100 %: the ceiling of memory is that of copying. Tensors that are still in a cache, or updated in place, go faster.',
      ]
    : []
}
