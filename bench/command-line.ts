import { isAbsolute } from 'node:path'
import { parseArgs } from 'node:util'

export const help = `npm run bench -- [word …] [options]

Measures ops, whole training steps, and what lies around the step. Words choose rows: those whose group,
name or sizes contain one of them. Groups are ops, step and around.

  --threads 1,2        thread counts (default: 1 and all)
  --rounds N           times the whole table is measured; samples are pooled (default 5)
  --quick              one round, all threads only, one model, fewer samples: for a first look
  --json FILE          writes the report; - writes it to stdout instead of the table
  --compare OLD.json   after measuring, each row against that report: faster, slower, same or noisy
  --with NEW.json      with --compare: measures nothing, compares the two files
  --fail-on-slower     exit code 1 when a row is slower
  --tokenizer FILE     a tokenizer.model or tokenizer.json to measure
  --zstd FILE          a .zst file to decode
  --device cuda        rows of a CUDA device instead: ops at the sizes of the paper's models, whole steps
  --help

  npm run bench                                          everything; some six minutes on two cores
  npm run bench -- --quick                               under a minute
  npm run bench -- gemm attention --threads 1            ops whose name says so
  npm run bench -- step --json new.json                  whole training steps
  npm run bench -- step --compare old.json               … against an earlier report
  npm run bench -- --compare old.json --with new.json    two reports
  npm run -s bench -- swiglu --json -                    JSON on stdout, without npm's own lines
`

export interface CommandLine {
  readonly words: readonly string[]
  /** Undefined: the default of the host. */
  readonly threads: readonly number[] | undefined
  readonly rounds: number
  readonly quick: boolean
  readonly json: string | undefined
  readonly compare: string | undefined
  readonly with: string | undefined
  readonly failOnSlower: boolean
  readonly tokenizer: string | undefined
  readonly zstd: string | undefined
  readonly device: string
  readonly help: boolean
}

/** @throws {Error} that names the flag, its value and what it takes */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      threads: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      compare: { type: 'string' },
      with: { type: 'string' },
      'fail-on-slower': { type: 'boolean', default: false },
      tokenizer: { type: 'string' },
      zstd: { type: 'string' },
      device: { type: 'string', default: 'cpu' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.with !== undefined && values.compare === undefined)
    throw new Error('--with NEW.json goes with --compare OLD.json, which is missing')
  if (values['fail-on-slower'] && values.compare === undefined)
    throw new Error('--fail-on-slower needs something to compare with: add --compare OLD.json')
  if (values.device !== 'cpu' && values.compare !== undefined)
    throw new Error(`--compare knows reports of the CPU only; leave out --device ${values.device}`)
  if (values.device !== 'cpu' && values.json === '-')
    throw new Error('--json - is for the CPU; give --device cuda a FILE')
  return {
    words: positionals,
    threads: values.threads?.split(',').map((text) => wholeNumber('--threads', text, 1024)),
    rounds:
      values.rounds === undefined ? (values.quick ? 1 : 5) : wholeNumber('--rounds', values.rounds, 100),
    quick: values.quick,
    json: values.json,
    compare: values.compare,
    with: values.with,
    failOnSlower: values['fail-on-slower'],
    tokenizer: values.tokenizer,
    zstd: values.zstd,
    device: values.device,
    help: values.help,
  }
}

function wholeNumber(flag: string, text: string, most: number): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > most)
    throw new Error(
      `${flag} takes whole numbers from 1 to ${most}${flag === '--threads' ? ', as in 1,2' : ''}, not '${text}'`,
    )
  return value
}

/** What a report says reproduces it. Absolute paths are shortened: they mean nothing on another machine. */
export function commandText(args: readonly string[]): string {
  const words = args.map((word) => (isAbsolute(word) ? `…/${lastParts(word)}` : word))
  const quoted = words.map((word) => (/^[\w./:,=+…-]+$/.test(word) ? word : `'${word}'`))
  return ['npm run bench', ...(args.length > 0 ? ['--', ...quoted] : [])].join(' ')
}

/** The file and its folder. */
export const lastParts = (path: string) => path.split('/').slice(-2).join('/')
