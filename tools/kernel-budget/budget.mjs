// The budget file: what each kernel may cost, for each architecture; and how a measurement is held against it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/** Kept for each kernel and architecture. Fewer registers are welcome, other counts must be met exactly. */
const atMost = ['registers']
const exactly = ['mma', 'ldmatrix', 'cpAsync']
const kept = [...atMost, ...exactly]

/** No kernel may have any of these, so the file does not mention them. */
const forbidden = {
  spills: 'bytes are spilled from registers to memory: keep fewer values alive, or make the tile smaller',
  stack: 'bytes of stack: index register arrays by compile-time constants only (#pragma unroll)',
  localLoad: 'loads from local memory: index register arrays by compile-time constants only (#pragma unroll)',
  localStore: 'stores to local memory: index register arrays by compile-time constants only (#pragma unroll)',
  shared: 'bytes of static shared memory: shared memory is dynamic only (PT_SHARED)',
}

/** → { kernel: { arch: { registers, … } } } */
export function readBudget(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
}

/** One line for a kernel and an architecture, so that a diff shows what a change did. */
export function writeBudget(path, budget) {
  const kernels = Object.keys(budget).sort()
  const lines = kernels.map((name) => {
    const archs = Object.keys(budget[name]).sort()
    const rows = archs.map((arch) => {
      const values = kept.map((key) => `${JSON.stringify(key)}: ${budget[name][arch][key]}`)
      return `    ${JSON.stringify(arch)}: { ${values.join(', ')} }`
    })
    return `  ${JSON.stringify(name)}: {\n${rows.join(',\n')}\n  }`
  })
  writeFileSync(path, `{\n${lines.join(',\n')}\n}\n`)
}

/** What is wrong with a kernel whatever its budget: texts. Of spills and what follows from them, only the spills. */
export function brokenRules(kernel) {
  const { spills, ...rest } = forbidden
  if (kernel.spills > 0) return [`${kernel.spills} ${spills}`]
  return Object.entries(rest)
    .filter(([key]) => kernel[key] > 0)
    .map(([key, text]) => `${kernel[key]} ${text}`)
}

/** What is over or off the kernel's budget: texts. */
export function brokenBudget(kernel, budget) {
  const entry = budget[kernel.name]?.[kernel.arch]
  if (!entry) return ['has no budget: run with --update, and commit the line if it is what you meant']
  const differences = []
  for (const key of atMost)
    if (kernel[key] > entry[key]) differences.push(`${kernel[key]} ${key}, at most ${entry[key]}`)
  for (const key of exactly)
    if (kernel[key] !== entry[key]) differences.push(`${kernel[key]} ${key}, not ${entry[key]}`)
  if (differences.length === 0) return []
  return [
    `${differences.join('; ')}: find out why, or run with --update and say in the commit why it had to change`,
  ]
}

/** Lines of the budget whose kernel is gone: { name, arch }. */
export function staleLines(kernels, budget, { archs, pattern }) {
  const alive = new Set(kernels.map(({ name, arch }) => `${arch} ${name}`))
  return Object.entries(budget).flatMap(([name, lines]) =>
    Object.keys(lines)
      .filter((arch) => archs.includes(arch) && pattern.test(name) && !alive.has(`${arch} ${name}`))
      .map((arch) => ({ name, arch })),
  )
}

/** The budget with the measured kernels in place of theirs, and without stale lines. */
export function updated(budget, kernels, stale) {
  const next = structuredClone(budget)
  for (const kernel of kernels) {
    next[kernel.name] ??= {}
    next[kernel.name][kernel.arch] = Object.fromEntries(kept.map((key) => [key, kernel[key]]))
  }
  for (const { name, arch } of stale) {
    delete next[name][arch]
    if (Object.keys(next[name]).length === 0) delete next[name]
  }
  return next
}
