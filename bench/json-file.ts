import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Before anything is measured. @throws {Error} when a report cannot be written to `--json file` */
export function requireJsonFile(file: string | undefined): void {
  if (file === undefined || file === '-') return
  if (!existsSync(dirname(file))) throw new Error(`--json ${file}: there is no folder ${dirname(file)}`)
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory())
    throw new Error(`--json ${file}: that is a folder. Name a file in it.`)
}
