// The build gate for CUDA kernels: registers, spills and tensor-core instructions of every kernel against the budget.
// usage: node tools/kernel-budget/main.mjs [--arch sm_80,sm_90a | --all] [--kernels REGEX] [--update] [--require]
import { readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { brokenBudget, brokenRules, readBudget, staleLines, updated, writeBudget } from './budget.mjs'
import { Compiler, nvccVersion } from './compile.mjs'
import { measure } from './measure.mjs'
import { formatTable } from './table.mjs'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const native = join(root, 'native')
const usualArchs = 'sm_80,sm_90a'
const allArchs = 'sm_80,sm_86,sm_89,sm_90a,sm_120'

const { values: options } = parseArgs({
  options: {
    arch: { type: 'string' },
    all: { type: 'boolean', default: false },
    kernels: { type: 'string', default: '' },
    update: { type: 'boolean', default: false },
    require: { type: 'boolean', default: false },
    // For tests of this tool.
    budget: { type: 'string', default: join(native, 'cuda', 'budget.json') },
    sources: { type: 'string', multiple: true },
    cache: { type: 'string', default: join(root, 'build', 'budget') },
  },
})

const say = (text) => process.stderr.write(`${text}\n`)

function kernelSources() {
  return ['ops', 'cuda'].flatMap((folder) =>
    readdirSync(join(native, folder))
      .filter((file) => file.endsWith('.cu'))
      .sort()
      .map((file) => join(native, folder, file)),
  )
}

/** Why no kernel is left: a gate that held nothing must not say that all is well. */
function nothingToHold(kernels) {
  const names = [...new Set(kernels.map(({ name }) => name))].sort()
  if (names.length === 0) return 'the sources have no kernels'
  const count = names.length === 1 ? 'there is 1' : `there are ${names.length}`
  return `no kernel matches '${options.kernels}'; ${count}, for example ${names.slice(0, 5).join(', ')}`
}

async function main() {
  const version = nvccVersion()
  if (!version) {
    say('skipped: nvcc was not found. The CUDA kernels were NOT held against their budget.')
    return options.require ? 1 : 0
  }
  const archs = (options.arch ?? (options.all ? allArchs : usualArchs)).split(',')
  const pattern = new RegExp(options.kernels)
  const measured = await measure({
    sources: options.sources?.map((path) => resolve(path)) ?? kernelSources(),
    archs,
    compiler: new Compiler({ version, include: native, cache: options.cache }),
    root,
    progress: (done, all, { source, arch, kernels }, seconds) =>
      say(`[${done}/${all}] ${source} ${arch}: ${kernels.length} kernels, ${seconds.toFixed(1)} s`),
  })

  const kernels = measured.kernels.filter(({ name }) => pattern.test(name))
  const before = readBudget(options.budget)
  const stale = staleLines(kernels, before, { archs, pattern })
  if (kernels.length === 0 && stale.length === 0) throw new Error(nothingToHold(measured.kernels))
  const budget = options.update ? updated(before, kernels, stale) : before
  if (options.update) writeBudget(options.budget, budget)

  for (const kernel of kernels) kernel.problems = [...brokenRules(kernel), ...brokenBudget(kernel, budget)]
  say(formatTable(kernels))
  const problems = [
    ...kernels.flatMap(({ name, arch, source, problems }) =>
      problems.map((text) => `${arch} ${name} (${source}): ${text}`),
    ),
    ...measured.messages.map(({ arch, source, text }) => `${arch} ${source}: ${text}`),
    ...(options.update
      ? []
      : stale.map(
          ({ name, arch }) =>
            `${arch} ${name}: is in the budget, but there is no such kernel; run with --update`,
        )),
  ]
  for (const problem of problems) say(problem)
  say(
    problems.length === 0
      ? `${kernels.length} kernels are within their budgets`
      : `${problems.length} problems`,
  )
  return problems.length === 0 ? 0 : 1
}

process.exitCode = await main().catch((error) => {
  say(error.message)
  return 1
})
