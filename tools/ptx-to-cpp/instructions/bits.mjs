// Logic, shifts and fields: see semantics/bits.h. A predicate is a value of one bit.
import { cppType } from '../types.mjs'

const logic = (operator) => (s) => {
  const expression = `${s.get(1)} ${operator} ${s.get(2)}`
  return s.set(s.type === 'pred' ? expression : `${cppType(s.type)}(${expression})`)
}
const not = (s) => s.set(s.type === 'pred' ? `!${s.get(1)}` : `${cppType(s.type)}(~${s.get(1)})`)
const cnot = (s) => s.set(`${cppType(s.type)}(${s.get(1)} == 0)`)

const shift = (name) => (s) => s.set(`ptx::${name}(${s.get(1)}, ${s.get(2, 'u32')})`)

function funnel(s) {
  const name = s.need('l', 'r') === 'l' ? 'funnel_left' : 'funnel_right'
  const by = s.get(3, 'u32')
  const count = s.need('clamp', 'wrap') === 'wrap' ? `${by} & 31` : `${by} < 32 ? ${by} : 32`
  return s.set(`ptx::${name}(${s.get(1)}, ${s.get(2)}, ${count})`)
}

const extract = (s) => s.set(`ptx::bit_field(${s.get(1)}, ${s.get(2, 'u32')}, ${s.get(3, 'u32')})`)
const insert = (s) =>
  s.set(`ptx::bit_insert(${s.get(1)}, ${s.get(2)}, ${s.get(3, 'u32')}, ${s.get(4, 'u32')})`)

const lop3 = (s) => s.set(`ptx::lop3(${s.get(1)}, ${s.get(2)}, ${s.get(3)}, ${s.get(4, 'u32')})`)
const permute = (s) => s.set(`ptx::byte_permute(${s.get(1)}, ${s.get(2)}, ${s.get(3)})`)

/** Counts are 32 bits, whatever is counted. */
const count = (name) => (s) => s.set(`ptx::${name}(${s.get(1)})`, { type: 'u32' })
const findHighest = (s) => count(s.take('shiftamt') ? 'find_highest_shift' : 'find_highest')(s)

export const bits = {
  and: logic('&'),
  or: logic('|'),
  xor: logic('^'),
  not,
  cnot,
  shl: shift('shl'),
  shr: shift('shr'),
  shf: funnel,
  bfe: extract,
  bfi: insert,
  lop3,
  prmt: permute,
  popc: count('count_ones'),
  clz: count('leading_zeros'),
  bfind: findHighest,
  brev: (s) => s.set(`ptx::reverse_bits(${s.get(1)})`),
}
