// Removes the folders named as arguments, inside the repository only.
import { rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
for (const folder of process.argv.slice(2)) {
  const path = join(root, folder)
  if (relative(root, path).startsWith('..') || path === root)
    throw new Error(`${folder} lies outside ${root}`)
  rmSync(path, { recursive: true, force: true })
}
