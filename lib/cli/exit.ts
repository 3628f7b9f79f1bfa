import { ConfigError, PatchTrainError } from '../errors.js'
import type { Terminal } from '../report/terminal.js'

export const exitCode = {
  ok: 0,
  failure: 1,
  /** Wrong flags or configuration: nothing was started. */
  usage: 2,
  interrupted: 130,
  terminated: 143,
} as const

/** The command line itself is wrong. */
export class UsageError extends PatchTrainError {
  constructor(message: string) {
    super('ERR_USAGE', message)
  }
}

/**
 * Says what went wrong, and gives the exit code for it. An error of ours explains itself; any other is a bug, and its
 * stack is what a report of it needs.
 */
export function reportError(error: unknown, terminal: Terminal): number {
  const { red, dim } = terminal.colors
  if (error instanceof PatchTrainError) {
    terminal.write(`${red('error')} ${error.message} ${dim(`[${error.code}]`)}\n`)
    return error instanceof UsageError || error instanceof ConfigError ? exitCode.usage : exitCode.failure
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
  terminal.write(`${red('unexpected error')} ${detail}\n`)
  return exitCode.failure
}
