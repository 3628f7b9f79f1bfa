// Checks the C++ sources against .clang-format; with --write it formats them.
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const clangFormat = createRequire(import.meta.url).resolve('clang-format/index.js')
const write = process.argv.includes('--write')

const sources = readdirSync(join(root, 'native'), { recursive: true })
  .filter((file) => /\.(h|cc|cu|cuh)$/.test(file))
  .map((file) => join(root, 'native', file))

function format(args) {
  const result = spawnSync(process.execPath, [clangFormat, ...args], { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (result.status !== 0) throw new Error(`clang-format failed: ${result.stderr || result.error}`)
  return result.stdout
}

if (write) {
  format(['-i', ...sources])
} else {
  const wrong = sources.filter((file) => format([file]) !== readFileSync(file, 'utf8'))
  for (const file of wrong) console.error(`${file} is not formatted; run npm run format`)
  process.exit(wrong.length > 0 ? 1 : 0)
}
