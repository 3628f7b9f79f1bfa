// A function of the module → C++. Kernels take an array of pointers to their arguments; other functions take the
// addresses of their results and parameters.
import { emitters } from './instructions/index.mjs'
import { PtxError } from './lexer.mjs'
import { Scope } from './scope.mjs'
import { Statement } from './statement.mjs'
import { registerType } from './types.mjs'

/** The C++ name of a function. */
export const functionName = ({ name, entry }) => `${entry ? 'kernel' : 'function'}$${name}`

/** Its parameters in C++; without names, for a declaration. */
export function signature(definition) {
  if (definition.entry) return `static void ${functionName(definition)}(const void* const* arguments)`
  const parameters = [...definition.results, ...definition.parameters].map(({ name }) => `uint64_t $$${name}`)
  return `static void ${functionName(definition)}(${parameters.join(', ')})`
}

/** → the lines of the definition. Mistakes go to `problems`, so that one run tells them all. */
export function translateFunction(definition, module, globals, problems) {
  return new FunctionTranslator(definition, module.files, problems).translate(new Scope(globals))
}

class FunctionTranslator {
  #declarations = []
  #lines = []
  #line = [] // the statements of the C++ line being written: all that came from one line of the source
  #place = null
  #blocks = 0

  constructor(definition, files, problems) {
    this.definition = definition
    this.files = files
    this.problems = problems
  }

  translate(scope) {
    const { definition } = this
    this.#declareParameters(scope)
    this.#block(definition.body, scope)
    this.#endLine()
    return [
      `${signature(definition)} {`,
      '  bool carry = false, unused_carry;',
      '  (void)carry, (void)unused_carry;',
      ...this.#declarations.map((line) => `  ${line}`),
      ...this.#lines,
      '}',
    ]
  }

  #declareParameters(scope) {
    const { entry, results, parameters } = this.definition
    for (const [i, { name }] of [...results, ...parameters].entries()) {
      const cpp = `$$${name}`
      if (entry)
        this.#declarations.push(`const uint64_t ${cpp} = reinterpret_cast<uint64_t>(arguments[${i}]);`)
      scope.declare(name, { kind: 'symbol', space: 'param', cpp })
    }
  }

  #block(items, scope) {
    // Labels may be used before they stand there, and goto may not enter the scope of a C++ variable: so everything is
    // declared first, the registers at the top of the C++ function.
    for (const item of items) this.#declare(item, scope)
    for (const item of items) this.#item(item, scope)
  }

  #declare(item, scope) {
    if (item.kind === 'registers') {
      const type = registerType(item.type)
      const names = item.names.map((name) => {
        const cpp = scope.identifier(name)
        scope.declare(name, { kind: 'register', type: item.type, cpp })
        return `${cpp} = 0`
      })
      if (names.length > 0) this.#declarations.push(`${type} ${names.join(', ')};`)
    } else if (item.kind === 'variable') {
      this.#declareVariable(item.variable, scope)
    } else if (item.kind === 'label') {
      scope.declare(item.name, { kind: 'label', cpp: `at_${item.name}${scope.suffix}` })
    } else if (item.kind === 'targets') {
      scope.declare(item.name, { kind: 'targets', labels: item.labels })
    }
  }

  #declareVariable({ space, name, align, bytes }, scope) {
    if (space !== 'local' && space !== 'param') {
      this.#problem(`.${space} ${name}`, `variables in .${space} are not supported inside a function`)
      return
    }
    const cpp = scope.identifier(name)
    this.#declarations.push(`alignas(${align}) unsigned char ${cpp}[${bytes}];`)
    scope.declare(name, { kind: 'symbol', space, cpp: `reinterpret_cast<uint64_t>(${cpp})` })
  }

  #item(item, scope) {
    switch (item.kind) {
      case 'location':
        return this.#location(item)
      case 'label':
        return this.#line.push(`${scope.findAs('label', item.name).cpp}:;`)
      case 'block':
        return this.#block(item.items, new Scope(scope, `$${++this.#blocks}`))
      case 'instruction':
        return this.#line.push(this.#instruction(item, scope))
    }
  }

  #instruction(instruction, scope) {
    const { opcode, modifiers, guard, line } = instruction
    try {
      const emit = emitters.get(opcode)
      if (!emit) throw new PtxError('this instruction is not known')
      const statement = new Statement(instruction, scope)
      statement.line = this.#place?.source ?? line
      statement.inEntry = this.definition.entry
      const text = emit(statement)
      statement.finish()
      if (!guard) return text
      return `if (${guard.negated ? '!' : ''}${scope.findAs('register', guard.name).cpp}) { ${text} }`
    } catch (error) {
      if (!(error instanceof PtxError)) throw error
      this.#problem([opcode, ...modifiers].join('.'), error.message, line)
      return ''
    }
  }

  #problem(what, message, line = this.definition.line) {
    this.problems.push({ where: this.definition.name, line, what, message })
  }

  /** Line 0 is code that belongs to no line of the source. */
  #location(place) {
    if (place.source === 0 || (place.source === this.#place?.source && place.file === this.#place.file))
      return
    this.#endLine()
    this.#place = place
  }

  #endLine() {
    if (this.#line.length > 0) {
      if (this.#place)
        this.#lines.push(`#line ${this.#place.source} ${JSON.stringify(this.files.get(this.#place.file))}`)
      this.#lines.push(`  ${this.#line.join(' ')}`)
    }
    this.#line = []
  }
}
