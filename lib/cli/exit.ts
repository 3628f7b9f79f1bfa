import {
  ConfigError,
  DeviceError,
  DeviceMemoryError,
  HealthError,
  NativeError,
  PatchTrainError,
  SaveError,
} from '../errors.js'
import type { Terminal } from '../report/terminal.js'

/** docs/reliability.md tells what to do about each. 74 and 75 are what sysexits.h calls them. */
export const exitCode = {
  ok: 0,
  failure: 1,
  /** Wrong flags or configuration: nothing was started. */
  usage: 2,
  /** Something could not be written. What was saved before is whole. */
  cannotWrite: 74,
  /** The device failed, memory ran out, or SIGUSR2 came before the first step. */
  tryAgain: 75,
  /** The run stopped itself for a step that looked bad: the same again would end the same way. */
  unhealthy: 76,
  hungUp: 129,
  interrupted: 130,
  /** Nobody read stdout any more. */
  brokenPipe: 141,
  terminated: 143,
} as const

/** For the help of the commands that train. */
export const exitCodeHelp = `Exit codes: 0 done, or saved for SIGUSR2; 1 failed; 2 wrong flags or configuration; 74 could not be written;
75 device or memory failed, or SIGUSR2 before the first step: try again; 76 stopped itself for a bad loss or gradient;
129, 130, 143 saved for SIGHUP, SIGINT, SIGTERM. A second signal leaves at once.`

/** The command line itself is wrong. */
export class UsageError extends PatchTrainError {
  constructor(message: string) {
    super('ERR_USAGE', message)
  }
}

type ErrorClass = abstract new (...parameters: never[]) => PatchTrainError

const codeOfClass: readonly (readonly [ErrorClass, number])[] = [
  [UsageError, exitCode.usage],
  [ConfigError, exitCode.usage],
  [SaveError, exitCode.cannotWrite],
  [DeviceError, exitCode.tryAgain],
  [DeviceMemoryError, exitCode.tryAgain],
  [HealthError, exitCode.unhealthy],
]

/** What the native code reports of a device that another attempt may find in order. */
const passing = ['ERR_OUT_OF_MEMORY', 'ERR_DEVICE_FAILED']

/** The operating system's names for "cannot be written", where no error of ours explains it. */
const unwritable = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']

export function exitCodeOf(error: unknown): number {
  const code = codeOf(error)
  if (error instanceof NativeError && passing.includes(code)) return exitCode.tryAgain
  if (!(error instanceof PatchTrainError) && unwritable.includes(code)) return exitCode.cannotWrite
  return codeOfClass.find(([type]) => error instanceof type)?.[1] ?? exitCode.failure
}

/**
 * Says what went wrong, and gives the exit code for it. An error of ours explains itself; so does a full disk; any other
 * is a bug, and its stack is what a report of it needs.
 */
export function reportError(error: unknown, terminal: Terminal): number {
  const { red, dim } = terminal.colors
  const explains =
    error instanceof Error && (error instanceof PatchTrainError || unwritable.includes(codeOf(error)))
  if (explains) terminal.write(`${red('error')} ${error.message} ${dim(`[${codeOf(error)}]`)}\n`)
  else {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    terminal.write(`${red('unexpected error')} ${detail}\n`)
  }
  return exitCodeOf(error)
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' ? code : ''
}
