// One instruction while it is translated. What an emitter does not take() is an error, so that no modifier is ever
// ignored in silence.
import { PtxError } from './lexer.mjs'
import { specialRegisters } from './special-registers.mjs'
import { cppType, isFloat, isType, registerType } from './types.mjs'

export class Statement {
  #left

  constructor(instruction, scope) {
    this.operands = instruction.operands
    this.scope = scope
    this.types = instruction.modifiers.filter(isType)
    this.#left = new Set(instruction.modifiers.filter((word) => !isType(word)))
  }

  fail(message) {
    throw new PtxError(message)
  }

  // ---- modifiers ----

  /** The one of these modifiers that the instruction has, if any. */
  take(...words) {
    const found = words.find((word) => this.#left.has(word))
    this.#left.delete(found)
    return found
  }
  need(...words) {
    return this.take(...words) ?? this.fail(`one of .${words.join(', .')} is missing`)
  }
  takeAll(pattern) {
    for (const word of this.#left) if (pattern.test(word)) this.#left.delete(word)
  }
  finish() {
    if (this.#left.size > 0) this.fail(`the modifier .${[...this.#left].join(', .')} is not known here`)
  }

  /** Of an instruction that names one type. */
  get type() {
    if (this.types.length !== 1) this.fail(`expected one type, found ${this.types.length}`)
    return this.types[0]
  }
  get isFloat() {
    return isFloat(this.type)
  }

  // ---- operands ----

  operand(n) {
    return this.operands[n] ?? this.fail(`operand ${n} is missing`)
  }

  /** The C++ value of operand n, read as a type. */
  get(n, type = this.type) {
    return this.value(this.operand(n), type)
  }

  value(operand, type) {
    switch (operand.kind) {
      case 'integer':
        return literal(operand.value, type)
      case 'float':
        return readAs(type, `0x${operand.bits.toString(16)}${operand.type === 'f64' ? 'ull' : 'u'}`)
      case 'not':
        return `!${this.value(operand.operand, type)}`
      case 'name':
        return this.#named(operand, type)
    }
    return this.fail(`an operand of kind ${operand.kind} has no value`)
  }

  #named({ name, offset }, type) {
    const special = specialRegisters.get(name)
    const entity = special ?? this.scope.find(name)
    if (entity?.kind === 'symbol') {
      return readAs(type, offset === 0n ? entity.cpp : `${entity.cpp} + (${offset})`)
    }
    if (entity?.kind !== 'register') return this.fail(`${name} is not known as a value`)
    if (registerType(entity.type) === cppType(type)) return entity.cpp
    return readAs(type, entity.cpp)
  }

  predicate(n) {
    return this.get(n, 'pred')
  }

  /** A statement that writes a value of a type into operand n. */
  set(expression, { to = 0, type = this.type } = {}) {
    const operand = typeof to === 'number' ? this.operand(to) : to
    if (operand.kind === 'sink') return `(void)(${expression});`
    if (operand.kind !== 'name') return this.fail(`cannot write to an operand of kind ${operand.kind}`)
    const register = this.scope.findAs('register', operand.name)
    const held = registerType(register.type)
    return held === cppType(type)
      ? `${register.cpp} = ${expression};`
      : `${register.cpp} = ${isFloat(type) ? `ptx::bits<${held}>` : held}(${expression});`
  }

  /** The elements of `{…}`, or the operand alone. */
  elements(n) {
    const operand = this.operand(n)
    return operand.kind === 'vector' ? operand.elements : [operand]
  }

  /** The address in `[…]`, as an integer. */
  address(n) {
    const operand = this.operand(n)
    if (operand.kind !== 'address') return this.fail('an address is missing')
    if (operand.base === null) return `${operand.offset}ull`
    const base = this.value(operand.base, 'u64')
    return operand.offset === 0n ? base : `${base} + (${operand.offset})`
  }

  label(n) {
    return this.scope.findAs('label', this.operand(n).name).cpp
  }
}

/** The low bits of an unsigned integer as a value of the type. */
function readAs(type, bits) {
  return isFloat(type) ? `ptx::as<${cppType(type)}>(${bits})` : `${cppType(type)}(${bits})`
}

function literal(value, type) {
  if (isFloat(type)) return readAs(type, `${BigInt.asUintN(64, value)}ull`)
  if (type === 'pred') return value === 0n ? 'false' : 'true'
  const signed = BigInt.asIntN(64, value)
  const small = signed >= -(2n ** 31n) + 1n && signed < 2n ** 31n
  return `${cppType(type)}(${small ? signed : `${BigInt.asUintN(64, value)}ull`})`
}
