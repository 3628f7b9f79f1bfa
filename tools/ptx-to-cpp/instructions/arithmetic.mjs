// add, mul, fma, …: see semantics/arithmetic.h.
import { cppType, isFloat } from '../types.mjs'

const rounding = { rz: 'FE_TOWARDZERO', rm: 'FE_DOWNWARD', rp: 'FE_UPWARD' }

/** An operation on floats with the modifiers that all of them have. */
export function floating(s, name, values) {
  const type = cppType(s.type)
  const mode = s.take('rn', 'rz', 'rm', 'rp')
  const flushed = s.take('ftz') && s.type === 'f32'
  const saturated = s.take('sat')
  const operands = (flushed ? values.map((value) => `ptx::flush(${value})`) : values).join(', ')
  let result = rounding[mode]
    ? `ptx::rounded<${type}>(${rounding[mode]}, [](auto... v) { return ptx::${name}(v...); }, ${operands})`
    : `ptx::${name}(${operands})`
  if (flushed) result = `ptx::flush(${result})`
  return saturated ? `ptx::saturate(${result})` : result
}

function values(s, count) {
  return Array.from({ length: count }, (_, i) => s.get(i + 1))
}

/** `count` operands and a result, all of one type. */
const plain = (name, count) => (s) => {
  const operation = s.isFloat
    ? floating(s, name, values(s, count))
    : `ptx::${name}(${values(s, count).join(', ')})`
  return s.set(operation)
}

/** add and sub, which may keep the carry. */
const withCarryOut = (name, carrying) => (s) => {
  if (!s.take('cc')) return plain(name, 2)(s)
  return s.set(`ptx::${carrying}(${values(s, 2).join(', ')}, false, carry)`)
}
/** addc and subc, which read the carry and may keep a new one. */
const withCarryIn = (carrying) => (s) => {
  const out = s.take('cc') ? 'carry' : 'unused_carry'
  return s.set(`ptx::${carrying}(${values(s, 2).join(', ')}, carry, ${out})`)
}

const twice = { u16: 'u32', s16: 's32', u32: 'u64', s32: 's64' }

/** The half of a product that .lo, .hi or .wide asks for, and the type it has. */
function product(s) {
  const half = s.need('lo', 'hi', 'wide')
  const [a, b] = values(s, 2)
  if (half === 'lo') return { text: `ptx::mul(${a}, ${b})`, type: s.type }
  if (half === 'hi') return { text: `ptx::mul_hi(${a}, ${b})`, type: s.type }
  const type = twice[s.type] ?? s.fail(`.wide of .${s.type}`)
  return { text: `ptx::mul_wide<${cppType(type)}>(${a}, ${b})`, type }
}

function mul(s) {
  if (s.isFloat) return plain('mul', 2)(s)
  const { text, type } = product(s)
  return s.set(text, { type })
}

function mad(s) {
  if (s.isFloat) return plain('fma', 3)(s)
  const { text, type } = product(s)
  const addend = s.get(3, type)
  if (s.take('cc')) return s.set(`ptx::add_carry(${text}, ${addend}, false, carry)`, { type })
  return s.set(`ptx::add(${text}, ${addend})`, { type })
}
function madc(s) {
  const { text, type } = product(s)
  const out = s.take('cc') ? 'carry' : 'unused_carry'
  return s.set(`ptx::add_carry(${text}, ${s.get(3, type)}, carry, ${out})`, { type })
}

/** .approx and .full are allowed to be exact, and are here. */
const maybeApproximate = (name, count) => (s) => {
  const approximate = s.take('approx', 'full')
  if (approximate && s.type === 'f64' && s.take('ftz')) return topWord(s, name)
  return plain(name, count)(s)
}
/** These forms look at, and give, the upper word of a double: the Newton steps that follow do the rest. */
const topWord = (s, name) => s.set(`ptx::top_word(ptx::${name}(ptx::top_word(${s.get(1)})))`)

const approximate = (name) => (s) => {
  s.need('approx')
  return s.set(floating(s, name, values(s, 1)))
}

const extreme = (name) => (s) => plain(s.take('NaN') ? `${name}_nan` : name, 2)(s)

const classes = {
  finite: 'std::isfinite(x)',
  infinite: 'std::isinf(x)',
  number: '!std::isnan(x)',
  notanumber: 'std::isnan(x)',
  normal: 'std::isnormal(x)',
  subnormal: 'std::fpclassify(x) == FP_SUBNORMAL',
}
function testp(s) {
  const test = classes[s.need(...Object.keys(classes))].replace('x', s.get(1))
  return s.set(test, { type: 'pred' })
}

export const arithmetic = {
  add: withCarryOut('add', 'add_carry'),
  sub: withCarryOut('sub', 'sub_borrow'),
  addc: withCarryIn('add_carry'),
  subc: withCarryIn('sub_borrow'),
  mul,
  mad,
  madc,
  fma: plain('fma', 3),
  div: (s) => (isFloat(s.type) ? maybeApproximate('div', 2)(s) : plain('div', 2)(s)),
  rem: plain('rem', 2),
  sad: plain('sad', 3),
  neg: plain('neg', 1),
  abs: plain('abs', 1),
  copysign: plain('copysign', 2),
  min: extreme('min'),
  max: extreme('max'),
  sqrt: maybeApproximate('sqrt', 1),
  rcp: maybeApproximate('rcp', 1),
  rsqrt: maybeApproximate('rsqrt', 1),
  ex2: approximate('exp2'),
  lg2: approximate('log2'),
  sin: approximate('sin'),
  cos: approximate('cos'),
  tanh: approximate('tanh'),
  testp,
}
