// Started by scripts/performance-table.mjs, in the package's root.
import { readFileSync, writeFileSync } from 'node:fs'
import { performancePage } from './page.js'

const target = 'docs/performance.md'
const page = performancePage('bench/results')
if (!process.argv.includes('--check')) {
  writeFileSync(target, page)
} else if (readFileSync(target, 'utf8') !== page) {
  console.error(`${target} does not say what bench/results holds. Run: node scripts/performance-table.mjs`)
  process.exitCode = 1
}
