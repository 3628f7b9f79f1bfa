// All sources for all architectures → what each kernel costs.
import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { countInstructions } from './opcodes.mjs'
import { parsePtxasLog } from './ptxas-log.mjs'

const kAtATime = 2

/**
 * → { kernels, messages }: a kernel is { name, arch, source, registers, stack, spills, shared, barriers, mma, … };
 * a message { arch, source, text }. Both in the order of sources and architectures.
 */
export async function measure({ sources, archs, compiler, root, progress }) {
  const jobs = sources.flatMap((source) => archs.map((arch) => ({ source, arch })))
  const results = new Array(jobs.length)
  let next = 0
  let done = 0
  const work = async () => {
    while (next < jobs.length) {
      const i = next++
      const started = Date.now()
      results[i] = await measureOne(jobs[i], compiler, root)
      progress(++done, jobs.length, results[i], (Date.now() - started) / 1000)
    }
  }
  await Promise.all(Array.from({ length: kAtATime }, work))
  return {
    kernels: results.flatMap((result) => result.kernels),
    messages: results.flatMap((result) => result.messages),
  }
}

async function measureOne({ source, arch }, compiler, root) {
  const { cubin, log } = await compiler.compile(source, arch)
  const counts = countInstructions(cubin)
  const said = parsePtxasLog(log)
  const from = relative(root, source)
  const mangled = [...said.kernels.keys()]
  const names = demangle(mangled)
  const kernels = mangled.map((key, i) => {
    if (!counts.has(key)) throw new Error(`${from} for ${arch}: the cubin has no code for ${names[i]}`)
    return { name: names[i], arch, source: from, ...said.kernels.get(key), ...counts.get(key) }
  })
  return {
    source: from,
    arch,
    kernels,
    messages: said.messages.map((text) => ({ arch, source: from, text })),
  }
}

/** Without return type and parameters: `pt::cuda::gemm_kernels::multiply<128, 64>`. */
function demangle(names) {
  if (names.length === 0) return []
  const { status, stdout } = spawnSync('c++filt', { input: names.join('\n'), encoding: 'utf8' })
  if (status !== 0) throw new Error('c++filt, of binutils, is needed to read the names of kernels')
  return stdout.trimEnd().split('\n').map(withoutParameters)
}

function withoutParameters(signature) {
  const name = signature.replace(/\(anonymous namespace\)/g, '<anonymous>')
  let depth = 0
  for (let i = 0; i < name.length; i++) {
    if (name[i] === '<') depth++
    if (name[i] === '>') depth--
    if (name[i] === '(' && depth === 0) return name.slice(0, i).replace(/^void /, '')
  }
  return name
}
