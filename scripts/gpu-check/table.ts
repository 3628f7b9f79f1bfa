import { existsSync, readFileSync } from 'node:fs'
import { table } from '../../lib/report/table.js'

/** What gpu-check.sh calls its own verdict of a step. */
const wholeStep = 'whole step'

interface RecordedLine {
  readonly step: string
  readonly name: string
  readonly ok: boolean
  readonly ms?: number
  readonly skipped?: string
  readonly error?: string
}

/** More say the same again: a device that broke fails in every line after. */
const mostFailures = 30

/** What was not in order, then a line a step: the end is what one sees. */
export function printTable(file: string): void {
  const lines = readLines(file)
  const steps = [...new Set(lines.map(({ step }) => step))]
  const rows = steps.map((step) => {
    const own = lines.filter((line) => line.step === step)
    const skipped = own.filter((line) => line.skipped !== undefined)
    const failed = own.filter(({ ok }) => !ok)
    const whole = own.find(({ name }) => name === wholeStep)
    const seconds = whole?.ms === undefined ? '' : (whole.ms / 1000).toFixed(1)
    const verdict = failed.length > 0 ? 'FAILED' : skipped.length === own.length ? 'skipped' : 'ok'
    return [step, verdict, seconds, String(own.length), String(failed.length), String(skipped.length)]
  })
  const failures = lines.filter(({ ok, name }) => !ok && name !== wholeStep)
  for (const { step, name, error } of failures.slice(0, mostFailures))
    console.log(`FAILED ${step}: ${name}: ${error ?? 'see its line in the file'}`)
  if (failures.length > mostFailures) console.log(`… and ${failures.length - mostFailures} more`)
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
