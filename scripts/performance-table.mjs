// Writes docs/performance.md from the results in bench/results; with --check it only says whether the page is up to date.
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)
const outDir = join('build', 'performance')
await build({ config: false, entry: ['bench/performance/main.ts'], outDir, format: 'esm', silent: true })
await import(pathToFileURL(join(root, outDir, 'main.js')).href)
