import { ConfigError, nearest } from '../../errors.js'
import { arcChallenge, arcEasy } from './arc.js'
import { hellaswag } from './hellaswag.js'
import { mmlu } from './mmlu.js'
import { piqa } from './piqa.js'
import type { Task } from './task.js'
import { wikitext, wikitext103 } from './wikitext.js'
import { winogrande } from './winogrande.js'

/** In the order of the paper's table. */
export const tasks: readonly Task[] = [
  wikitext103,
  mmlu,
  hellaswag,
  piqa,
  winogrande,
  arcEasy,
  arcChallenge,
  wikitext,
]

/** The columns of the paper's main table. */
const paper = tasks.filter((task) => task !== wikitext)

/** Names that stand for several tasks. */
const sets: Readonly<Record<string, readonly Task[]>> = {
  paper,
  zeroshot: paper.filter((task) => task.kind === 'choice'),
  all: tasks,
}

/** What may be asked for: tasks, and names that stand for several. */
export const taskNames: readonly string[] = [...tasks.map((task) => task.name), ...Object.keys(sets)]

/**
 * The tasks of these names, each once, in the order they are named.
 * @throws {ConfigError} for a name that is none, with the nearest
 */
export function findTasks(names: readonly string[]): Task[] {
  const found = new Set<Task>()
  for (const name of names) {
    const task = tasks.find((candidate) => candidate.name === name)
    const several = Object.hasOwn(sets, name) ? sets[name] : undefined
    if (!task && !several) throw unknown(name)
    for (const each of several ?? [task!]) found.add(each)
  }
  if (found.size === 0)
    throw new ConfigError(`No task is named. There are ${taskNames.join(', ')}.`, { path: 'tasks' })
  return [...found]
}

function unknown(name: string): ConfigError {
  const similar = nearest(name, taskNames)
  const hint = similar === undefined ? '' : ` Did you mean ${similar}?`
  return new ConfigError(`There is no task "${name}".${hint} There are ${taskNames.join(', ')}.`, {
    path: 'tasks',
  })
}
