import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Child, Ended, StartOptions } from './child.js'
import { trainArguments, type Lab } from './lab.js'
import { differences, outcomeOf } from './outcome.js'

/** Begins the run, or goes on with it where there is something to go on with: what a user would do. */
export function goOn(lab: Lab, out: string, options?: StartOptions): Child {
  const begun = existsSync(join(out, 'config.yaml'))
  const argv = begun ? ['resume', out, '--json'] : trainArguments(lab.config, out)
  return lab.children.start(argv, options)
}

/** Signals `child` at a moment between its start and the time that a whole run takes. */
export async function signalLater(child: Child, signal: NodeJS.Signals, seconds: number): Promise<Ended> {
  const cancelled = new AbortController()
  void setTimeout(seconds * 1000, undefined, { signal: cancelled.signal }).then(
    () => child.send(signal),
    () => undefined,
  )
  const ended = await child.ended
  cancelled.abort()
  return ended
}

const attempts = 4

/**
 * Goes on with a run, undisturbed, until it is done.
 * @returns what was wrong: an exit with anything but 0, or an end that differs from the run that was left alone
 */
export async function finish(lab: Lab, out: string): Promise<string[]> {
  for (let attempt = 1; ; attempt++) {
    const ended = await goOn(lab, out).ended
    if (ended.code === 0) return compare(lab, out)
    // A run that died before its first checkpoint has nothing to go on from and says what to do.
    const startAgain = ended.err.includes('ERR_CHECKPOINT_MISSING') && ended.err.includes('--overwrite')
    if (!startAgain || attempt === attempts)
      return [`going on exited with ${exitOf(ended)}: ${ended.err.trim()}`]
    const again = await lab.children.start(trainArguments(lab.config, out, ['--overwrite'])).ended
    if (again.code !== 0) return [`starting again exited with ${exitOf(again)}: ${again.err.trim()}`]
  }
}

export async function compare(lab: Lab, out: string): Promise<string[]> {
  try {
    return differences(lab.reference, await outcomeOf(out))
  } catch (error) {
    return [`the end cannot be read: ${(error as Error).message}`]
  }
}

export function exitOf({ code, signal }: Ended): string {
  return signal ?? String(code)
}

/** Steps that this process did. */
export function stepsOf({ events }: Ended): number {
  return events.filter(({ type }) => type === 'step').length
}

/** Runs up to a step and is killed there: what cases begin with that need a run under way. */
export async function runUntil(lab: Lab, out: string, step: number): Promise<Ended> {
  return goOn(lab, out, {
    onEvent: (event, child) => {
      if (event.type === 'step' && event.step === step) child.send('SIGKILL')
    },
  }).ended
}
