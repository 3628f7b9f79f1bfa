// What the commands that race programs against ours do alike: help, where the report goes, what makes them fail.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireJsonFile } from '../../json-file.js'
import { complaints, reportText, type Head, type MeasuredRow } from './report.js'

export interface RaceCommand<Wanted, Report> {
  /** As npm runs it: `bench:peers`. */
  readonly name: string
  readonly help: string
  readonly parse: (args: readonly string[]) => Wanted
  readonly measure: (wanted: Wanted) => Promise<Report>
  readonly table: (report: Report) => string
}

interface CommonFlags {
  readonly help: boolean
  /** A file, or `-` for stdout. */
  readonly json: string | undefined
}

/** Runs the command and sets the exit code: 1 when it failed, or when a program computed something else than ours. */
export async function runCommand<
  Wanted extends CommonFlags,
  Report extends Head & { readonly rows: readonly MeasuredRow[] },
>(command: RaceCommand<Wanted, Report>): Promise<void> {
  try {
    process.exitCode = await main(command, command.parse(process.argv.slice(2)))
  } catch (error) {
    console.error(`${command.name}: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

/** A folder that goes with the process, on Ctrl+C as well: the programs that race exit when their parent does. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `patchtrain-${name}-`))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  return folder
}

async function main<
  Wanted extends CommonFlags,
  Report extends Head & { readonly rows: readonly MeasuredRow[] },
>({ help, measure, table }: RaceCommand<Wanted, Report>, wanted: Wanted): Promise<number> {
  const { json } = wanted
  if (wanted.help) {
    console.log(help)
    return 0
  }
  requireJsonFile(json)
  const report = await measure(wanted)
  if (json !== undefined && json !== '-') writeFileSync(json, reportText(report))
  console.log(json === '-' ? reportText(report).trimEnd() : table(report))
  const wrong = complaints(report.rows)
  for (const complaint of wrong) console.error(`FAILED: ${complaint}`)
  return wrong.length > 0 ? 1 : 0
}
