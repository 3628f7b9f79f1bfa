import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { lastParts } from '../../command-line.js'

/**
 * A package that a user installed in a folder of his own, because it is no dependency of ours.
 * @throws {Error} with what to install, when it is not there or does not load
 */
export function loadPackage(folder: string, name: string): { exports: unknown; version: string } {
  const require = createRequire(join(resolve(folder), 'package.json'))
  let main: string
  try {
    main = require.resolve(name)
  } catch {
    const where = isAbsolute(folder) ? lastParts(folder) : folder // the reason goes into reports
    throw new Error(`there is none in ${where}; npm install ${name} in a folder, and name it by --node-peers`)
  }
  return { exports: require(main), version: versionOf(main, name) }
}

/** Of the package that a file belongs to. */
function versionOf(file: string, name: string): string {
  const root = join('node_modules', name)
  const folder = file.slice(0, file.lastIndexOf(root) + root.length)
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }).version
}
