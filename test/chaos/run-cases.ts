import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { duration } from '../../lib/report/format.js'
import type { StatusLine } from '../../lib/report/status-line.js'
import type { Case, Finding } from './case.js'
import type { Lab } from './lab.js'
import { Random } from './random.js'
import { failed, type CaseResult } from './report.js'

/** One case after the other: each has the machine for itself. The folder of one that did not hold is kept. */
export async function runCases(
  cases: readonly Case[],
  lab: Lab,
  seed: number,
  status: StatusLine,
): Promise<CaseResult[]> {
  const began = performance.now()
  const results: CaseResult[] = []
  for (const one of cases) {
    const left = (performance.now() - began) / Math.max(1, results.length) / 1000
    const eta = results.length > 0 ? `, ETA ${duration(left * (cases.length - results.length))}` : ''
    status.show(`${results.length + 1} of ${cases.length}: ${one.name}${eta}`)
    const result = await runCase(one, lab, seed)
    results.push(result)
    if (failed(result)) status.note(`FAILED ${one.name}: ${result.problems.join('; ')}`)
  }
  return results
}

export function caseFolder(lab: Lab, name: string): string {
  return join(lab.folder, name.replace(/[^\w.-]+/g, '_'))
}

async function runCase({ name, run }: Case, lab: Lab, seed: number): Promise<CaseResult> {
  const folder = caseFolder(lab, name)
  mkdirSync(folder)
  const began = performance.now()
  const before = lab.children.started
  let finding: Finding
  try {
    finding = await run({ lab, random: new Random(seed, name), folder })
  } catch (error) {
    lab.children.killAll()
    finding = { problems: [(error as Error).stack ?? String(error)], interruptions: 0 }
  }
  if (finding.problems.length === 0) rmSync(folder, { recursive: true, force: true })
  const seconds = (performance.now() - began) / 1000
  return { name, ...finding, seconds, processes: lab.children.started - before }
}
