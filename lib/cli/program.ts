import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import yargs, { type Argv, type Options } from 'yargs'
import { nearest } from '../errors.js'
import { packageRoot } from '../native/load.js'
import { terminalOf, type OutputStream } from '../report/terminal.js'
import type { CliContext, Command } from './command.js'
import { exitCode, reportError, UsageError } from './exit.js'
import { verbs } from './verbs.js'

export interface ProcessStreams {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly environment: NodeJS.ProcessEnv
}

const globalOptions = {
  quiet: { type: 'boolean', default: false, describe: 'Say nothing but errors' },
  color: { type: 'boolean', describe: 'Colours, also where the output is no terminal; --no-color for none' },
} as const satisfies Record<string, Options>

/** Runs one command line. Never throws and never ends the process. */
export async function runCli(argv: readonly string[], streams: ProcessStreams): Promise<number> {
  const errors = terminalOf(streams.stderr, streams.environment)
  let code: number = exitCode.ok
  const parser = yargs()
    .scriptName('patchtrain')
    .usage('$0 <command>\n\nPretrains LLaMA-style language models by patch-level training.')
    .parserConfiguration({ 'greedy-arrays': false })
    .exitProcess(false)
    .strict()
    .options(globalOptions)
    .version(packageVersion())
    .alias('h', 'help')
    .wrap(Math.min(100, streams.stdout.columns ?? 80))
    .epilogue('Run patchtrain <command> --help for what a command takes.')
    .fail((message: string | null, error: Error | undefined) => {
      throw error ?? new UsageError(message ?? 'The command line is wrong.')
    })

  for (const verb of verbs) {
    let command: Command | undefined
    parser.command({
      command: verb.usage,
      describe: verb.summary,
      builder: async (args: Argv) => {
        command = await verb.load()
        return describeCommand(args, command)
      },
      handler: async (args) => {
        requireSingleValues(args, command!)
        code = await command!.run(args, contextOf(args, streams))
      },
    })
  }

  try {
    if (argv.length === 0) {
      errors.write(`${await parser.getHelp()}\n`)
      return exitCode.usage
    }
    await parser.parseAsync(argv)
    return code
  } catch (error) {
    return reportError(await suggesting(error, argv), errors)
  }
}

function describeCommand(args: Argv, command: Command): Argv {
  for (const [name, positional] of Object.entries(command.positionals)) args.positional(name, positional)
  args.options({ ...command.options }).group(Object.keys(globalOptions).concat('help', 'version'), 'General:')
  for (const [line, meaning] of command.examples) args.example(`$0 ${line}`, meaning)
  return args.epilogue('')
}

function contextOf(args: Record<string, unknown>, streams: ProcessStreams): CliContext {
  const { stdout, stderr, environment } = streams
  const colored =
    args.color === undefined ? {} : args.color ? { FORCE_COLOR: '1' } : { FORCE_COLOR: '', NO_COLOR: '1' }
  const quiet: OutputStream = { write: () => true }
  return {
    stdout,
    terminal: terminalOf(args.quiet ? quiet : stderr, { ...environment, ...colored }),
    environment,
  }
}

/** yargs gathers a flag that is given twice into a list, and turns what is no number into NaN. */
function requireSingleValues(args: Record<string, unknown>, command: Command): void {
  for (const [name, option] of Object.entries<Options>({ ...command.options, ...command.positionals })) {
    const value = args[name]
    if (Array.isArray(value) && !option.array) {
      throw new UsageError(`--${name} is given ${value.length} times (${value.join(', ')}). Give it once.`)
    }
    if (option.type === 'number' && Number.isNaN(value)) {
      throw new UsageError(`--${name} takes a number.`)
    }
  }
}

/** A mistyped command or flag is answered with the closest one there is. */
async function suggesting(error: unknown, argv: readonly string[]): Promise<unknown> {
  const unknown = error instanceof UsageError ? /^Unknown arguments?: (.*)$/.exec(error.message) : null
  if (!unknown) return error
  // yargs names a flag twice, as it was written and in camel case.
  const written = unknown[1]!
    .split(', ')
    .filter((name) => argv.some((word) => word === name || word.startsWith(`--${name}`)))
  const name = written[0] ?? unknown[1]!
  const verb = verbs.find((candidate) => candidate.name === argv[0])
  if (!verb) {
    const names = verbs.map((candidate) => candidate.name)
    return new UsageError(
      `There is no command '${name}'.${meant(name, names)} Commands: ${names.join(', ')}.`,
    )
  }
  if (!argv.some((word) => word.startsWith(`--${name}`))) {
    return new UsageError(`'${name}' is one argument too many for patchtrain ${verb.usage}.`)
  }
  const { options } = await verb.load()
  const suggestion = meant(name, [...Object.keys(options), ...Object.keys(globalOptions)], '--')
  return new UsageError(
    `patchtrain ${verb.name} has no flag --${name}.${suggestion} See patchtrain ${verb.name} --help.`,
  )
}

function meant(name: string, candidates: readonly string[], prefix = ''): string {
  const best = nearest(name, candidates)
  return best ? ` Did you mean ${prefix}${best}?` : ''
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string
  }
  return version
}
