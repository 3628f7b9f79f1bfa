import type { InferredOptionTypes, Options, PositionalOptions } from 'yargs'
import type { OutputStream, Terminal } from '../report/terminal.js'

/** What a command may touch of the process, so that tests can hand it something else. */
export interface CliContext {
  /** Data: what a pipe is for. */
  readonly stdout: OutputStream
  /** Everything said to a person: progress, notices, errors. Silent with --quiet. */
  readonly terminal: Terminal
  readonly environment: NodeJS.ProcessEnv
}

type OptionTable = Readonly<Record<string, Options>>
type PositionalTable = Readonly<Record<string, PositionalOptions>>

export type Arguments<P extends PositionalTable, O extends OptionTable> = InferredOptionTypes<P> &
  InferredOptionTypes<O>

/** A verb of the command line. Its module is loaded when the verb is used. */
export interface Command<P extends PositionalTable = PositionalTable, O extends OptionTable = OptionTable> {
  readonly positionals: P
  readonly options: O
  /** Command lines without the program's name, each with what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[]
  /** Said at the end of the help. */
  readonly epilogue?: string
  /** @returns the exit code */
  run(args: Arguments<P, O>, context: CliContext): Promise<number>
}

/** Lets TypeScript infer the type of `args` from the tables. */
export function defineCommand<P extends PositionalTable, O extends OptionTable>(
  command: Command<P, O>,
): Command {
  return command
}

/** One JSON value on stdout. */
export function writeJson(context: CliContext, value: unknown): void {
  context.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Text lines on stdout. */
export function writeLine(context: CliContext, text: string): void {
  context.stdout.write(`${text}\n`)
}
