import type { PlanEntry } from '../native/addon.js'
import { bytes, grouped, si, siUnit } from '../report/format.js'
import { table } from '../report/table.js'
import { checkpointCopy, type RunPlan } from '../train/run-plan.js'

/** What a run will take: its stages, its cost against token-level training, its memory. */
export function planText(plan: RunPlan): string {
  const { config, device, parameters } = plan
  return [
    `${config.name}: ${si(parameters, 'B')} parameters on ${device} → ${config.out}`,
    stagesTable(plan),
    costText(plan),
    memoryTable(plan),
  ].join('\n\n')
}

function stagesTable(plan: RunPlan): string {
  const right = true
  return table(
    [
      { title: 'stage' },
      { title: 'K', right },
      { title: 'steps', right },
      { title: 'T', right },
      { title: 'sequences', right },
      { title: 'micro-batch', right },
      { title: 'tokens a step', right },
      { title: 'tokens', right },
      { title: 'compute', right },
    ],
    [
      ...plan.stages.map(({ stage, tokens, flops }) => [
        stage.name,
        String(stage.patchSize),
        grouped(stage.steps),
        grouped(stage.context),
        grouped(stage.batchSequences),
        grouped(stage.microBatchSequences),
        grouped(tokens / stage.steps),
        si(tokens, 'B'),
        siUnit(flops, 'FLOP'),
      ]),
      null,
      ['in all', '', grouped(plan.steps), '', '', '', '', si(plan.tokens, 'B'), siUnit(plan.flops, 'FLOP')],
    ],
  )
}

function costText({ cost, tokenLevelFlops, epochs, tokens }: RunPlan): string {
  const saving = cost < 1 ? `, ${(1 / cost).toFixed(2)} times cheaper` : ''
  return (
    `cost  ${cost.toFixed(3)} of token-level training on the same ${si(tokens, 'B')} tokens ` +
    `(${siUnit(tokenLevelFlops, 'FLOP')})${saving}\n` +
    `data  ${epochs.toPrecision(3)} passes over the training tokens`
  )
}

function memoryTable({ memory, memoryOf, memoryBytes, savingBytes }: RunPlan): string {
  const there = table(
    [{ title: `memory of ${memoryOf}` }, { title: 'size', right: true }],
    [...memory.map((entry) => [entry.label, bytes(entry.bytes)]), null, ['in all', bytes(memoryBytes)]],
  )
  const listed = memory.some(({ label }) => label === checkpointCopy)
  return listed ? there : `${there}\nthis process holds ${bytes(savingBytes)} while a checkpoint is saved`
}

/** The recorded plans, op by op, in the order they run. */
export function opsText({ plans }: RunPlan): string {
  const columns = [
    { title: 'op' },
    { title: 'shapes' },
    { title: 'compute', right: true },
    { title: 'traffic', right: true },
  ]
  return plans
    .map(({ label, entries }) => {
      const total = (of: 'flops' | 'bytes') => entries.reduce((sum, entry) => sum + entry[of], 0)
      const rows = [
        ...entries.map((entry) => [entry.op, shapes(entry), siUnit(entry.flops, 'FLOP'), bytes(entry.bytes)]),
        null,
        [`${entries.length} ops`, '', siUnit(total('flops'), 'FLOP'), bytes(total('bytes'))],
      ]
      return `${label}\n${table(columns, rows)}`
    })
    .join('\n\n')
}

function shapes({ tensors }: PlanEntry): string {
  return Object.entries(tensors)
    .map(([name, { shape }]) => `${name} ${shape.join('×')}`)
    .join('  ')
}
