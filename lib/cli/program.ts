import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import yargs, { type Argv, type Options } from 'yargs'
import { nearest } from '../errors.js'
import { packageRoot } from '../native/load.js'
import { terminalOf, type OutputStream } from '../report/terminal.js'
import type { CliContext, Command } from './command.js'
import { exitCode, reportError, UsageError } from './exit.js'
import { verbs, type Verb } from './verbs.js'

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
    .wrap(Math.min(100, streams.stdout.columns ?? 100))
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
    return reportError(await explained(error, argv), errors)
  }
}

function describeCommand(args: Argv, command: Command): Argv {
  for (const [name, positional] of Object.entries(command.positionals)) args.positional(name, positional)
  const optionNames = Object.keys(command.options)
  args.options({ ...command.options })
  if (optionNames.length > 0) args.group(optionNames, 'Options:')
  args.group([...Object.keys(globalOptions), 'help', 'version'], 'General:')
  for (const [line, meaning] of command.examples) args.example(`$0 ${line}`, meaning)
  return args.epilogue(command.epilogue ?? '')
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

/** yargs' words for a wrong command line, made into what to do: with the closest command or flag there is. */
async function explained(error: unknown, argv: readonly string[]): Promise<unknown> {
  if (!(error instanceof UsageError)) return error
  const verb = verbs.find((candidate) => candidate.name === argv[0])
  const missing = /^Missing required arguments?: (.*)$/.exec(error.message)
  if (verb && missing) {
    const names = missing[1]!.split(', ').map((name) => `--${name}`)
    return new UsageError(
      `patchtrain ${verb.name} needs ${names.join(' and ')}. See patchtrain ${verb.name} --help.`,
    )
  }
  if (verb && error.message.startsWith('Not enough non-option arguments')) {
    return new UsageError(
      `An argument is missing: patchtrain ${verb.usage}. See patchtrain ${verb.name} --help.`,
    )
  }
  const unknown = /^Unknown arguments?: (.*)$/.exec(error.message)
  return unknown ? unknownArgument(unknown[1]!.split(', '), verb, argv) : error
}

async function unknownArgument(
  names: readonly string[],
  verb: Verb | undefined,
  argv: readonly string[],
): Promise<UsageError> {
  if (!verb) {
    const known = verbs.map((candidate) => candidate.name)
    const written = argv.find((word) => !word.startsWith('-')) ?? argv[0]!
    return new UsageError(
      `There is no command '${written}'.${meant(written, known)} Commands: ${known.join(', ')}.`,
    )
  }
  // yargs names a flag twice: as it was written, and in camel case.
  const flag = names.find((name) =>
    argv.some((word) => /^--?/.test(word) && word.replace(/^--?|=.*$/g, '') === name),
  )
  if (flag === undefined) {
    return new UsageError(`'${names[0]!}' is one argument too many: patchtrain ${verb.usage}.`)
  }
  const { options } = await verb.load()
  const suggestion = meant(flag, [...Object.keys(options), ...Object.keys(globalOptions)], '--')
  return new UsageError(
    `patchtrain ${verb.name} has no flag --${flag}.${suggestion} See patchtrain ${verb.name} --help.`,
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
