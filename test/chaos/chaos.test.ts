import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { packageRoot } from '../../lib/native/load.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { Children } from './child.js'
import { parseCommandLine } from './command-line.js'
import { differences, outcomeOf, type Outcome } from './outcome.js'
import { openLab } from './lab.js'
import { chosenCases, parts } from './parts.js'
import { Random } from './random.js'
import { reportOf, reportText, type CaseResult } from './report.js'
import { runCases } from './run-cases.js'

const cli = join(packageRoot(), 'dist', 'cli.js')
const silent = { show: () => undefined, note: () => undefined, close: () => undefined }

describe.skipIf(!existsSync(cli))('a tiny run (npm run chaos does the same at length)', () => {
  it('ends equal after it was killed, stopped, and killed within a save; a changed number is noticed', async () => {
    const folder = temporaryFolder()
    const children = new Children(cli)
    onTestFinished(() => children.killAll())
    const lab = await openLab(folder, children)
    const cases = ['killed/1', 'save-point/before rename, middle', 'signal/SIGTERM-1'].map(
      (name) => chosenCases(2, name)[0]!,
    )
    const results = await runCases(cases, lab, 1, silent)
    expect(results.flatMap(({ problems }) => problems)).toEqual([])
    expect(results[1]!.interruptions).toBe(1) // the others hit what their moment brings

    const metrics = join(folder, 'reference', 'metrics.jsonl')
    const lines = readFileSync(metrics, 'utf8').split('\n')
    const at = lines.findIndex((line) => line.includes('"type":"step"') && line.includes('"step":40,'))
    writeFileSync(metrics, [...lines.slice(0, at), lines[at], ...lines.slice(at)].join('\n'))
    expect(differences(lab.reference, await outcomeOf(join(folder, 'reference'))).join('\n')).toMatch(
      /steps differ first at 41.*\norder differ first at 1: nothing became step 40 follows step 40/,
    )
  }, 240_000)
})

describe('the harness', () => {
  it('tells an outcome from any other, by what and where', () => {
    const outcome = (loss: number): Outcome => ({
      steps: ['a', `b ${loss}`],
      evaluations: ['x'],
      samples: [],
      state: ['s'],
      model: ['m'],
      order: [],
    })
    expect(differences(outcome(1), outcome(1))).toEqual([])
    expect(differences(outcome(1), outcome(2))).toEqual(['steps differ first at 2: b 1 became b 2'])
    expect(differences(outcome(1), { ...outcome(1), model: ['m', 'n'] })).toEqual([
      'model differ first at 2: nothing became n',
    ])
    expect(differences(outcome(1), { ...outcome(1), evaluations: [] })).toEqual([
      'evaluations differ first at 1: x became nothing',
    ])
  })

  it('names every case once, by its part, and finds each by its name alone', () => {
    for (const runs of [1, 2, 100]) {
      const names = chosenCases(runs, '').map(({ name }) => name)
      expect(new Set(names).size).toBe(names.length)
      for (const { name } of parts) expect(names.some((one) => one.startsWith(`${name}/`))).toBe(true)
      for (const name of names) expect(chosenCases(runs, name).map((one) => one.name)).toEqual([name])
    }
    expect(chosenCases(100, 'killed')).toHaveLength(100)
    expect(chosenCases(100, 'nothing')).toEqual([])
  })

  it('draws the same numbers for a case, whatever ran before it', () => {
    const draw = (seed: number, name: string) => {
      const random = new Random(seed, name)
      return [random.unit(), random.below(1000), random.unit()]
    }
    expect(draw(1, 'killed/7')).toEqual(draw(1, 'killed/7'))
    expect(draw(1, 'killed/7')).not.toEqual(draw(2, 'killed/7'))
    expect(draw(1, 'killed/7')).not.toEqual(draw(1, 'killed/8'))
  })

  it('reports a failure with what repeats it, and what was skipped with the reason', () => {
    const result = (name: string, more: Partial<CaseResult> = {}): CaseResult => ({
      name,
      problems: [],
      interruptions: 1,
      seconds: 1,
      processes: 2,
      ...more,
    })
    const cases = [
      result('killed/1'),
      result('killed/2', { problems: ['steps differ'] }),
      result('disk/read-only', { skipped: 'no right to mount' }),
    ]
    const report = reportOf('npm run chaos', 5, 2, cases)
    expect(report.failed).toBe(1)
    const text = reportText(report)
    expect(text).toMatch(/SIGKILL at random moments +2 +2 +4 .* 1 of 2\n/)
    expect(text).toContain("npm run chaos -- --runs 2 --seed 5 --only 'killed/2'")
    expect(text).toContain('skipped disk/read-only: no right to mount')
  })

  it.each([['--runs', '0'], ['--runs', 'many'], ['--seed', '-1'], ['--seed=1.5'], ['--what'], ['word']])(
    'refuses %s %s',
    (...args) => {
      expect(() => parseCommandLine(args)).toThrow()
    },
  )
})
