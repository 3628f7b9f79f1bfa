// PTX types and what they are in C++.

const cpp = {
  pred: 'bool',
  b8: 'uint8_t',
  u8: 'uint8_t',
  s8: 'int8_t',
  b16: 'uint16_t',
  u16: 'uint16_t',
  s16: 'int16_t',
  bf16: 'uint16_t',
  b32: 'uint32_t',
  u32: 'uint32_t',
  s32: 'int32_t',
  f32: 'float',
  bf16x2: 'uint32_t',
  b64: 'uint64_t',
  u64: 'uint64_t',
  s64: 'int64_t',
  f64: 'double',
}

export const isType = (word) => Object.hasOwn(cpp, word)
export const isFloat = (type) => type === 'f32' || type === 'f64'

export function cppType(type) {
  if (!isType(type)) throw new Error(`the type .${type} is not known`)
  return cpp[type]
}

/** Bytes of one element. */
export function sizeOf(type) {
  return Number(/(8|16|32|64)_t$/.exec(registerType(type))[1]) / 8
}

/** Registers hold bits; only instructions know whether these are a float. */
export function registerType(type) {
  if (type === 'f32') return 'uint32_t'
  if (type === 'f64') return 'uint64_t'
  return cppType(type).replace(/^int/, 'uint')
}
