import { isAbsolute } from 'node:path'
import { parseArgs } from 'node:util'
import { lastParts } from '../../command-line.js'
import { isInstructions, type Instructions } from './instructions.js'
import { eager, peerRows, type PeerRow } from './rows.js'

export const help = `npm run bench:peers -- [word …] [options]

Measures whole training steps and single operations against PyTorch on the CPU, side by side, round by round.
Words choose rows: those whose name contains one of them.

  --python PATH    a Python with PyTorch (default: $PYTHON, else python3)
  --node-peers DIR where @jax-js/jax is installed, see bench/peers/README.md (default: here)
  --threads 1,2    thread counts (default: 1 and all)
  --model NAME     only the step of this model; may be given several times
  --instructions avx2  hold ours and PyTorch to AVX2, as on a CPU without AVX-512
  --rounds N       timed turns of each contender (default 5)
  --eager-only     without torch.compile, which takes a minute to prepare
  --json FILE      writes the report, every sample in it; - writes it to stdout instead of the table
  --help

  npm run bench:peers                                    everything
  npm run bench:peers -- --model 'C256 V512' --rounds 3  the step of one model
  npm run bench:peers -- attention linear                single operations
`

export interface CommandLine {
  readonly help: boolean
  readonly python: string | undefined
  readonly nodePackages: string
  /** Undefined: the default of the host. */
  readonly threads: readonly number[] | undefined
  readonly rounds: number
  readonly instructions: Instructions | undefined
  readonly json: string | undefined
  readonly rows: readonly PeerRow[]
}

/** @throws {Error} that names the flag, its value and what it takes */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      python: { type: 'string' },
      'node-peers': { type: 'string', default: '.' },
      threads: { type: 'string' },
      model: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '5' },
      instructions: { type: 'string' },
      'eager-only': { type: 'boolean', default: false },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const rows = chooseRows(positionals, values.model)
  const { instructions } = values
  if (instructions !== undefined && !isInstructions(instructions))
    throw new Error(`--instructions takes avx2, not '${instructions}'`)
  return {
    help: values.help,
    python: values.python,
    nodePackages: values['node-peers'],
    threads: values.threads?.split(',').map((text) => wholeNumber('--threads', text)),
    rounds: wholeNumber('--rounds', values.rounds),
    instructions,
    json: values.json,
    rows: values['eager-only'] ? rows.map((row) => ({ ...row, peers: [eager] })) : rows,
  }
}

function chooseRows(words: readonly string[], models: readonly string[] | undefined): PeerRow[] {
  const known = peerRows.flatMap(({ model }) => model?.name ?? [])
  const unknown = models?.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`--model takes one of '${known.join("', '")}', not '${unknown}'`)
  const rows = peerRows.filter(
    ({ name, model }) =>
      (!models || (model && models.includes(model.name))) &&
      (words.length === 0 || words.some((word) => name.includes(word))),
  )
  if (rows.length === 0)
    throw new Error(
      `no row is named like '${words.join("' or '")}'. There are:\n  ${peerRows.map(({ name }) => name).join('\n  ')}`,
    )
  return rows
}

export function wholeNumber(flag: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 1024)
    throw new Error(`${flag} takes whole numbers from 1 to 1024, not '${text}'`)
  return value
}

/** What a report says reproduces it. Absolute paths are shortened: they mean nothing on another machine. */
export function commandText(script: string, args: readonly string[]): string {
  const words = args.map((word) => (isAbsolute(word) ? `…/${lastParts(word)}` : word))
  const quoted = words.map((word) => (/^[\w./:,=+…-]+$/.test(word) ? word : `'${word}'`))
  return [`npm run ${script}`, ...(args.length > 0 ? ['--', ...quoted] : [])].join(' ')
}
