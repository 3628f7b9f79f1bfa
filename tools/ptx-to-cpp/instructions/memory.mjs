// ld, st, atom, red, and the copies and fences around them. Addresses are integers: pointers of the host, except in
// shared memory, where they are 32-bit addresses of the emulator's window.
import { cppType } from '../types.mjs'

const spaces = ['global', 'shared', 'local', 'const', 'param']

/** What only says how soon or how long something is cached or seen: here everything is seen at once. */
function ignoreHints(s) {
  s.takeAll(/^(weak|volatile|relaxed|acquire|release|acq_rel|cta|gpu|sys|nc|ca|cg|cs|lu|cv|wb|wt)$/)
  s.takeAll(/^L[12]::/)
}

/** The space of an access; `shared::cta` is `shared`. */
function space(s) {
  if (s.take('shared::cta')) return 'shared'
  return s.take(...spaces) ?? 'generic'
}

function pointer(s, type, count, address) {
  const element = cppType(type)
  return space(s) === 'shared'
    ? `ptx::shared_pointer<${element}, ${count}>(uint32_t(${address}))`
    : `ptx::pointer<${element}, ${count}>(${address})`
}

function vectorLength(s, elements) {
  const length = Number(s.take('v2', 'v4', 'v8')?.slice(1) ?? 1)
  if (length !== elements.length) s.fail(`a vector of ${length} elements for ${elements.length}`)
  return length
}

/** All elements are read before any register is written: the address may be one of them. */
function ld(s) {
  ignoreHints(s)
  const elements = s.elements(0)
  const length = vectorLength(s, elements)
  const from = pointer(s, s.type, length, s.address(1))
  const read = elements.map((_, i) => `const auto e${i} = from[${i}];`)
  const write = elements.map((to, i) => s.set(`e${i}`, { to }))
  return `{ const auto* from = ${from}; ${read.join(' ')} ${write.join(' ')} }`
}

function st(s) {
  ignoreHints(s)
  const elements = s.elements(1)
  const length = vectorLength(s, elements)
  const to = pointer(s, s.type, length, s.address(0))
  const write = elements.map((from, i) => `to[${i}] = ${s.value(from, s.type)};`)
  return `{ auto* to = ${to}; ${write.join(' ')} }`
}

const atomics = ['add', 'min', 'max', 'exch', 'cas', 'and', 'or', 'xor']

/** The call that does an atomic; its operands start at `first`. */
function atomic(s, first) {
  ignoreHints(s)
  const operation = s.need(...atomics)
  if (s.isFloat) s.fail('atomics on floats depend on the order of threads, so no kernel may use them')
  const address =
    space(s) === 'shared' ? `simt::ptx::generic_from_shared(${s.address(first)})` : s.address(first)
  const values = [s.get(first + 1), ...(operation === 'cas' ? [s.get(first + 2)] : [])]
  return `ptx::atomic_${operation}<${cppType(s.type)}>(${[address, ...values].join(', ')})`
}
const atom = (s) => s.set(atomic(s, 1))
const red = (s) => `${atomic(s, 0)};`

function prefetch(s) {
  space(s)
  s.take('L1', 'L2')
  return ';'
}

function membar(s) {
  s.need('cta', 'gl', 'sys')
  return 'ptx::fence();'
}
function fence(s) {
  s.need('acq_rel', 'sc')
  s.need('cta', 'gpu', 'sys')
  return 'ptx::fence();'
}

// ---- copies in the background ----

function cp(s) {
  s.need('async')
  if (s.take('commit_group')) return 'simt::ptx::cp_async_commit();'
  if (s.take('wait_group')) return `simt::ptx::cp_async_wait(${s.get(0, 's32')});`
  if (s.take('wait_all')) return 'simt::ptx::cp_async_commit(); simt::ptx::cp_async_wait(0);'
  s.takeAll(/^L2::/)
  s.need('ca', 'cg')
  s.need('shared', 'shared::cta')
  s.need('global')
  if (s.operand(2).value !== 16n) s.fail('only copies of 16 bytes are supported')
  const given = s.operands.length > 3 ? s.get(3, 'u32') : '16'
  return `simt::ptx::cp_async_16(uint32_t(${s.address(0)}), ${s.address(1)}, ${given});`
}

export const memory = { ld, st, atom, red, membar, fence, prefetch, prefetchu: prefetch, cp }
