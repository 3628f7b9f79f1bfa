// Started by scripts/performance-table.mjs, in the package's root: writes docs/performance.md, or with --check compares it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { performancePage } from './page.js'

const target = 'docs/performance.md'
const [flag, ...rest] = process.argv.slice(2)
try {
  if ((flag !== undefined && flag !== '--check') || rest.length > 0)
    throw new Error(`unknown argument '${rest[0] ?? flag}'; there is only --check`)
  const page = performancePage('bench/results')
  if (flag === undefined) writeFileSync(target, page)
  else if (!existsSync(target) || readFileSync(target, 'utf8') !== page)
    throw new Error(`${target} does not say what bench/results holds. Run: npm run performance`)
} catch (error) {
  console.error(`performance: ${(error as Error).message}`)
  process.exitCode = 1
}
