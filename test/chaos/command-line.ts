import { parseArgs } from 'node:util'

export const help = `npm run chaos -- [options]

Kills, stops, starves and damages tiny training runs, goes on with each, and wants the same bits at the end as of a run that
was left alone. Exit code 1 when one differs.

  --runs N       runs killed at random moments; the other parts grow with it (default 20)
  --seed N       draws other moments (default 1)
  --only NAME    only parts or cases whose name begins so: killed, killed/17, save-point, signal, …
  --json FILE    writes every case as JSON; - writes it to stdout instead of the table
  --list         names the cases and runs none
  --help

  npm run chaos -- --runs 100                               everything; what docs/reliability.md shows
  npm run chaos -- --runs 100 --seed 3 --only killed/17    one case again
`

export interface CommandLine {
  readonly help: boolean
  readonly list: boolean
  readonly runs: number
  readonly seed: number
  readonly only: string
  readonly json: string | undefined
}

export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      json: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const { help, list, only, json } = values
  return {
    help,
    list,
    only,
    json,
    runs: wholeNumber('--runs', values.runs, 1),
    seed: wholeNumber('--seed', values.seed, 0),
  }
}

function wholeNumber(flag: string, text: string, least: number): number {
  const number = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number
  throw new Error(`${flag} takes a whole number from ${least} on, not '${text}'`)
}
