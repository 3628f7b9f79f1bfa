import { existsSync, readFileSync } from 'node:fs'
import { table } from '../../lib/report/table.js'

interface RecordedLine {
  readonly step: string
  readonly name: string
  readonly ok: boolean
  readonly ms?: number
  readonly skipped?: string
  readonly error?: string
}

/** A line a step, and under it everything that was not in order. */
export function printTable(file: string): void {
  const lines = readLines(file)
  const steps = [...new Set(lines.map(({ step }) => step))]
  const rows = steps.map((step) => {
    const own = lines.filter((line) => line.step === step)
    const skipped = own.filter((line) => line.skipped !== undefined)
    const failed = own.filter(({ ok }) => !ok)
    const whole = own.find(({ name }) => name === 'whole step')
    const seconds = whole?.ms === undefined ? '' : (whole.ms / 1000).toFixed(1)
    const verdict = failed.length > 0 ? 'FAILED' : skipped.length === own.length ? 'skipped' : 'ok'
    return [step, verdict, seconds, String(own.length), String(failed.length), String(skipped.length)]
  })
  console.log(
    table(
      [
        { title: 'step' },
        { title: 'verdict' },
        { title: 'seconds', right: true },
        { title: 'lines', right: true },
        { title: 'failed', right: true },
        { title: 'skipped', right: true },
      ],
      rows,
    ),
  )
  for (const { step, name, error } of lines.filter(({ ok }) => !ok))
    console.log(`FAILED ${step}: ${name}: ${error ?? 'see the line in the file'}`)
  for (const { step, name, skipped } of lines.filter(
    (line) => line.skipped !== undefined && line.name === 'whole step',
  ))
    console.log(`skipped ${step}, ${name}: ${skipped}`)
}

/** A line that a timeout cut short is left out. */
function readLines(file: string): RecordedLine[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return [JSON.parse(text) as RecordedLine]
      } catch {
        return []
      }
    })
}
