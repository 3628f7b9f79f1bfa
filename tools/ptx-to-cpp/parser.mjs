// Tokens → a module: { files, variables, functions }. What the instructions mean is not known here.
//
//   variable     { space, align, type, name, count, bytes, init, extern }       count: elements, 0 for `name[]`
//   function     { entry, name, parameters, results, body, line }       parameters and results are variables
//   body items   { kind: 'registers' | 'variable' | 'location' | 'block' | 'label' | 'targets' | 'instruction', … }
//   instruction  { opcode, modifiers, operands, guard, line }
//   operand      { kind: 'name', name, offset } | { kind: 'integer', value } | { kind: 'float', bits, type }
//                | { kind: 'vector', elements } | { kind: 'address', base, offset } | { kind: 'pair', first, second }
//                | { kind: 'not', operand } | { kind: 'list', elements } | { kind: 'sink' }
import { PtxError, tokenize } from './lexer.mjs'
import { sizeOf } from './types.mjs'

const variableSpaces = new Set(['.global', '.const', '.shared', '.local', '.param'])
const linkage = new Set(['.visible', '.extern', '.weak', '.common'])
const restOfLine = new Set(['.version', '.target', '.address_size'])
const hints = new Set([
  '.maxntid',
  '.minnctapersm',
  '.maxnreg',
  '.reqntid',
  '.noreturn',
  '.explicitcluster',
  '.blocksareclusters',
])

export function parse(source) {
  return new Parser(tokenize(source)).module()
}

class Parser {
  constructor(tokens) {
    this.tokens = tokens
    this.next = 0
  }

  // ---- tokens ----

  get text() {
    return this.tokens[this.next]?.text
  }
  get line() {
    return (this.tokens[this.next] ?? this.tokens.at(-1))?.line
  }
  fail(message) {
    throw new PtxError(`line ${this.line}: ${message}`)
  }
  take() {
    if (this.next >= this.tokens.length) this.fail('the file ends early')
    return this.tokens[this.next++].text
  }
  accept(text) {
    if (this.text !== text) return false
    this.next++
    return true
  }
  expect(text) {
    if (!this.accept(text)) this.fail(`expected "${text}", found "${this.text}"`)
  }
  /** Of a statement that ends with its line. */
  takeLine() {
    const { line } = this
    const texts = []
    while (this.next < this.tokens.length && this.line === line) texts.push(this.take())
    return texts
  }
  separated(close, parseOne) {
    const list = []
    while (!this.accept(close)) {
      list.push(parseOne())
      if (this.text !== close) this.expect(',')
    }
    return list
  }

  // ---- module level ----

  module() {
    const module = { files: new Map(), variables: [], functions: [] }
    while (this.next < this.tokens.length) this.moduleItem(module)
    return module
  }

  moduleItem(module) {
    const flags = new Set()
    while (linkage.has(this.text)) flags.add(this.take())
    const { text } = this
    if (text === '.entry' || text === '.func') {
      const made = this.function()
      if (made) module.functions.push(made)
    } else if (variableSpaces.has(text)) {
      module.variables.push({ ...this.variable(), extern: flags.has('.extern') })
      this.expect(';')
    } else if (text === '.file') {
      const [, number, name] = this.takeLine()
      module.files.set(Number(number), JSON.parse(name))
    } else if (restOfLine.has(text)) {
      this.takeLine()
    } else if (text === '.section') {
      while (this.take() !== '{');
      while (this.take() !== '}');
    } else {
      this.fail(`"${text}" is not known at the top of a module`)
    }
  }

  /** Null for a declaration without a body. */
  function() {
    const { line } = this
    const entry = this.take() === '.entry'
    const results = this.text === '(' ? this.parameters() : []
    const name = this.take()
    const parameters = this.text === '(' ? this.parameters() : []
    while (this.text !== '{' && this.text !== ';') {
      const hint = this.take()
      if (!hints.has(hint)) this.fail(`"${hint}" is not known before the body of ${name}`)
      while (/^[0-9,]/.test(this.text)) this.take()
    }
    if (this.accept(';')) return null
    this.expect('{')
    return { entry, name, parameters, results, body: this.body(), line }
  }

  parameters() {
    this.expect('(')
    return this.separated(')', () => this.variable())
  }

  /** `.space .align 8 .b8 name[16] = {1, 2}` */
  variable() {
    const space = this.take().slice(1)
    let align = 0
    let type
    while (this.text.startsWith('.')) {
      const word = this.take().slice(1)
      if (word === 'align') align = Number(this.take())
      else if (word === 'ptr') while (/^\.(global|const|shared|local|generic)$/.test(this.text)) this.take()
      else type = word
    }
    const name = this.take()
    let count = 1
    if (this.accept('[')) {
      count = this.text === ']' ? 0 : Number(this.take())
      this.expect(']')
    }
    const init = this.accept('=') ? this.initialiser() : null
    return { space, align: align || sizeOf(type), type, name, count, bytes: count * sizeOf(type), init }
  }

  initialiser() {
    if (this.accept('{')) return this.separated('}', () => this.operand())
    return [this.operand()]
  }

  // ---- function bodies ----

  /** After "{", up to and with its "}". */
  body() {
    const items = []
    while (!this.accept('}')) {
      if (this.accept('{')) {
        items.push({ kind: 'block', items: this.body() })
      } else {
        const item = this.statement()
        if (item) items.push(item)
      }
    }
    return items
  }

  /** Null for what means nothing here. */
  statement() {
    const { line, text } = this
    if (text === '.loc') {
      const [, file, source] = this.takeLine()
      return { kind: 'location', file: Number(file), source: Number(source) }
    }
    if (text === '.reg') return this.registers()
    if (variableSpaces.has(text)) {
      const variable = this.variable()
      this.expect(';')
      return { kind: 'variable', variable }
    }
    if (text === '.pragma') {
      while (this.take() !== ';');
      return null
    }
    if (text === ';') {
      this.take()
      return null
    }
    if (this.tokens[this.next + 1]?.text === ':') {
      const name = this.take()
      this.take()
      return this.text === '.branchtargets' ? this.branchTargets(name) : { kind: 'label', name }
    }
    if (text.startsWith('.')) this.fail(`the directive ${text} is not known`)
    return this.instruction(line)
  }

  /** `.reg .b32 %r<12>, %temp;` */
  registers() {
    this.take()
    const type = this.take().slice(1)
    const names = []
    do {
      const name = this.take()
      if (this.accept('<')) {
        const count = Number(this.take())
        this.expect('>')
        for (let i = 0; i < count; i++) names.push(name + i)
      } else {
        names.push(name)
      }
    } while (this.accept(','))
    this.expect(';')
    return { kind: 'registers', type, names }
  }

  branchTargets(name) {
    this.take()
    return { kind: 'targets', name, labels: this.separated(';', () => this.take()) }
  }

  instruction(line) {
    let guard = null
    if (this.accept('@')) {
      const negated = this.accept('!')
      guard = { name: this.take(), negated }
    }
    const opcode = this.take()
    const modifiers = []
    while (this.text?.startsWith('.') && !this.tokens[this.next].spaced) modifiers.push(this.take().slice(1))
    const operands = this.separated(';', () => this.operand())
    return { kind: 'instruction', opcode, modifiers, operands, guard, line }
  }

  operand() {
    const operand = this.simpleOperand()
    return this.accept('|') ? { kind: 'pair', first: operand, second: this.simpleOperand() } : operand
  }

  simpleOperand() {
    if (this.accept('{')) return { kind: 'vector', elements: this.separated('}', () => this.operand()) }
    if (this.accept('(')) return { kind: 'list', elements: this.separated(')', () => this.operand()) }
    if (this.accept('!')) return { kind: 'not', operand: this.operand() }
    if (this.accept('[')) {
      const base = this.simpleOperand()
      this.expect(']')
      if (base.kind === 'integer') return { kind: 'address', base: null, offset: base.value }
      if (base.kind !== 'name') this.fail('an address is a name, a number or their sum')
      return { kind: 'address', base: { ...base, offset: 0n }, offset: base.offset }
    }
    if (this.text === '-' || /^[0-9]/.test(this.text)) return this.number()
    const name = this.take()
    if (name === '_') return { kind: 'sink' }
    if (!/^[A-Za-z_$%]/.test(name)) this.fail(`"${name}" is not an operand`)
    return this.nameOperand(name)
  }

  /** `%r1`, `%tid.x`, `name+16`, `%rd1+-4` */
  nameOperand(name) {
    if (this.text?.startsWith('.') && !this.tokens[this.next].spaced) name += this.take()
    let offset = 0n
    if (this.accept('+')) offset = this.number().value
    else if (this.text === '-') offset = this.number().value
    return { kind: 'name', name, offset }
  }

  number() {
    const negative = this.accept('-')
    const text = this.take()
    const float = /^0([fF])([0-9a-fA-F]{8})$|^0([dD])([0-9a-fA-F]{16})$/.exec(text)
    if (float && !negative) {
      const bits = BigInt(`0x${float[2] ?? float[4]}`)
      return { kind: 'float', bits, type: float[1] ? 'f32' : 'f64' }
    }
    const digits = /^(0[xX][0-9a-fA-F]+|[0-9]+)U?$/.exec(text)
    if (!digits) this.fail(`"${text}" is not a number`)
    const octal = /^0[0-7]+$/.test(digits[1])
    const value = BigInt(octal ? `0o${digits[1].slice(1)}` : digits[1])
    return { kind: 'integer', value: negative ? -value : value }
  }
}
