import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Row } from '../../data/read/rows.js'
import { DataError } from '../../errors.js'
import { readTaskRows } from './rows.js'
import type { Task, TaskData, TaskFile } from './task.js'

/**
 * The data of a task as rows, read when they are asked for. All files are looked for now.
 * @param folder holds the task's folder (`hellaswag/`), an `eval/` with it, or the files themselves
 * @throws {DataError} for a file that is not there, with the names it may have and where to get it
 */
export async function openTaskData(task: Task, folder: string, shots: number): Promise<TaskData> {
  const found = new Map<string, AsyncIterable<Row>>()
  for (const wanted of task.files) {
    if (wanted.forShots && shots === 0) continue
    const files = await find(folder, wanted)
    if (files.length > 0) found.set(wanted.split, readTaskRows(files))
    else if (!wanted.optional) throw missing(task, folder, wanted)
  }
  return found
}

/** The first name that files go by; several files where it has a `*`, the pieces of one split. */
async function find(folder: string, { names }: TaskFile): Promise<string[]> {
  for (const root of [folder, join(folder, 'eval')])
    for (const name of names)
      for (const place of [name, basename(name)])
        for (const stored of [place, `${place}.zst`]) {
          const files = await matching(join(root, stored))
          if (files.length > 0) return files
        }
  return []
}

async function matching(path: string): Promise<string[]> {
  const [before = '', after = before] = basename(path).split('*')
  const exact = !path.includes('*')
  const fits = (name: string) =>
    exact
      ? name === before
      : name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after)
  try {
    const entries = await readdir(dirname(path), { withFileTypes: true })
    const names = entries.filter((entry) => !entry.isDirectory() && fits(entry.name)).map(({ name }) => name)
    return names.sort().map((name) => join(dirname(path), name))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new DataError(`Cannot list ${dirname(path)} (${code ?? 'unknown error'}). Check its permissions.`, {
      file: dirname(path),
      cause: error,
    })
  }
}

function missing(task: Task, folder: string, { split, names }: TaskFile): DataError {
  const known = names.map((name) => join(folder, name))
  return new DataError(
    `The ${split} data of ${task.name} is not in ${folder}. It may be ${known.join(' or ')} ` +
      `(also as .jsonl.zst). Get it from ${task.source}.`,
    { file: known[0]! },
  )
}
