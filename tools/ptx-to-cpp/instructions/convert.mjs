// mov and cvt: see semantics/convert.h.
import { cppType, isFloat, sizeOf } from '../types.mjs'

const isInteger = (type) => /^[sub]\d+$/.test(type)
const wholes = { rni: 'std::nearbyint', rzi: 'std::trunc', rmi: 'std::floor', rpi: 'std::ceil' }
const rounding = { rz: 'FE_TOWARDZERO', rm: 'FE_DOWNWARD', rp: 'FE_UPWARD' }

/** mov copies bits, whatever they mean, and takes registers apart or together. */
function mov(s) {
  const { type } = s
  const [to, from] = [s.operand(0), s.operand(1)]
  if (to.kind === 'vector') return split(s, to.elements, s.get(1, bitsOf(type)))
  if (from.kind === 'vector') return s.set(joined(s, from.elements), { type: bitsOf(type) })
  return s.set(s.get(1, type === 'pred' ? type : bitsOf(type)), {
    type: type === 'pred' ? type : bitsOf(type),
  })
}
const bitsOf = (type) => `b${8 * sizeOf(type)}`

function split(s, elements, whole) {
  const width = (8 * sizeOf(s.type)) / elements.length
  const parts = elements.map((to, i) =>
    s.set(`${cppType(`b${width}`)}(whole >> ${i * width})`, { to, type: `b${width}` }),
  )
  return `{ const auto whole = ${whole}; ${parts.join(' ')} }`
}
function joined(s, elements) {
  const width = (8 * sizeOf(s.type)) / elements.length
  const whole = cppType(bitsOf(s.type))
  const parts = elements.map((from, i) => `${whole}(${s.value(from, `b${width}`)}) << ${i * width}`)
  return parts.join(' | ')
}

function cvt(s) {
  const [to, from] = s.types
  if (s.types.length !== 2) return s.fail('cvt names two types')
  if (to === 'bf16x2' || to === 'bf16') return toBrain(s, to, from)
  if (from === 'bf16')
    return to === 'f32' ? s.set(`ptx::from_bf16(${s.get(1, from)})`, { type: to }) : s.fail('cvt from bf16')
  const flushed = s.take('ftz') // only says something of f32
  const saturated = s.take('sat')
  let value = s.get(1, from)
  if (flushed && from === 'f32') value = `ptx::flush(${value})`
  if (isInteger(to)) {
    if (isFloat(from))
      value = `ptx::to_integer<${cppType(to)}>(${wholes[s.need(...Object.keys(wholes))]}(${value}))`
    else value = saturated ? `ptx::clamp_integer<${cppType(to)}>(${value})` : `${cppType(to)}(${value})`
    return s.set(value, { type: to })
  }
  const whole = s.take(...Object.keys(wholes))
  if (whole) value = `${wholes[whole]}(${value})`
  value = toFloat(s, to, from, value)
  if (flushed && to === 'f32') value = `ptx::flush(${value})`
  return s.set(saturated ? `ptx::saturate(${value})` : value, { type: to })
}

function toFloat(s, to, from, value) {
  const mode = s.take('rn', 'rz', 'rm', 'rp')
  const type = cppType(to)
  if (to === from) return value
  if (!rounding[mode]) return `${type}(${value})`
  return `ptx::rounded<${type}>(${rounding[mode]}, [](auto v) { return ${type}(v); }, ${value})`
}

function toBrain(s, to, from) {
  s.need('rn')
  if (from !== 'f32') s.fail(`cvt from .${from} to .${to}`)
  if (to === 'bf16') return s.set(`ptx::to_bf16(${s.get(1, from)})`, { type: to })
  return s.set(`ptx::to_bf16x2(${s.get(1, from)}, ${s.get(2, from)})`, { type: to })
}

/** Addresses are what they are in every space, except in shared memory: a 32-bit window of its own. */
function cvta(s) {
  const out = s.take('to')
  const space = s.need('global', 'shared', 'local', 'const', 'param')
  if (space !== 'shared') return s.set(s.get(1))
  if (out) return s.set(`simt::ptx::shared_from_generic(${s.get(1)})`)
  return s.set(`simt::ptx::generic_from_shared(${s.get(1)})`)
}

export const convert = { mov, cvt, cvta }
