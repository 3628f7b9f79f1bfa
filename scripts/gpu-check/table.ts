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

/** What was not in order, then a line a step: the end is what one sees. Says whether all is in order; an empty record is not. */
export function printTable(file: string): boolean {
  const lines = readLines(file)
  if (lines.length === 0) {
    console.log(`nothing was recorded in ${file}`)
    return false
  }
  const steps = [...new Set(lines.map(({ step }) => step))]
  const rows = steps.map((step) => {
    const own = lines.filter((line) => line.step === step)
    const skipped = own.filter((line) => line.skipped !== undefined)
    const failed = own.filter(({ ok }) => !ok)
    const whole = own.find(({ name }) => name === wholeStep)
    const seconds = whole?.ms === undefined ? '' : (whole.ms / 1000).toFixed(1)
    return [step, verdictOf(own), seconds, String(own.length), String(failed.length), String(skipped.length)]
  })
  // A step's own verdict says more only where none of its lines does.
  const explained = new Set(lines.filter(({ ok, name }) => !ok && name !== wholeStep).map(({ step }) => step))
  const failures = lines.filter(({ ok, name, step }) => !ok && (name !== wholeStep || !explained.has(step)))
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
  return lines.every(({ ok }) => ok)
}

function verdictOf(lines: readonly RecordedLine[]): string {
  if (lines.some(({ ok }) => !ok)) return lines.every(neverBegan) ? 'NOT RUN' : 'FAILED'
  return lines.every(({ skipped }) => skipped !== undefined) ? 'skipped' : 'ok'
}

/** The verdict of a step that began says how long it took. */
const neverBegan = ({ name, ms }: RecordedLine) => name === wholeStep && ms === undefined

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
