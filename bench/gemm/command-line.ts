import { parseArgs } from 'node:util'
import { wholeNumber } from '../peers/cpu/command-line.js'
import { shapes, type Shape } from './shapes.js'

export const help = `npm run bench:gemm -- [word …] [options]

Measures our matrix product against OpenBLAS, oneDNN and Eigen of the system, side by side, turn by turn, on the
products of a training step. Words choose products: those whose name contains one of them.

  --threads 1,2    thread counts (default: 1 and all)
  --rounds N       timed turns of each (default 5)
  --json FILE      writes the report, every sample in it; - writes it to stdout instead of the table
  --help

  npm run bench:gemm                         everything
  npm run bench:gemm -- C512 --threads 1     one width, one thread

Needs g++. Libraries that are not installed are skipped: apt install libopenblas0-pthread libdnnl-dev libeigen3-dev
For JSON on stdout and nothing else: npm run -s bench:gemm -- --json -
`

export interface CommandLine {
  readonly help: boolean
  /** Undefined: the default of the host. */
  readonly threads: readonly number[] | undefined
  readonly rounds: number
  readonly json: string | undefined
  readonly shapes: readonly Shape[]
}

/** @throws {Error} that names the flag, its value and what it takes */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals: words } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      threads: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const chosen = shapes.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))
  if (chosen.length === 0)
    throw new Error(
      `no product is named like '${words.join("' or '")}'. There are:\n  ${shapes.map(({ name }) => name).join('\n  ')}`,
    )
  return {
    help: values.help,
    threads: values.threads?.split(',').map((text) => wholeNumber('--threads', text)),
    rounds: wholeNumber('--rounds', values.rounds),
    json: values.json,
    shapes: chosen,
  }
}
