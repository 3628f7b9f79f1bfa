// The names of a function and of the blocks in it (inline asm opens blocks with registers and labels of their own), and
// what they are called in C++. `$` stands in the C++ names so that none is a keyword, a macro or a name of ours.
//
//   entity  { kind: 'register', type, cpp } | { kind: 'symbol', space, cpp } | { kind: 'label', cpp }
//           | { kind: 'targets', labels }                    a symbol's cpp is its address, as an integer
import { PtxError } from './lexer.mjs'

export class Scope {
  #entities = new Map()

  /** `suffix` tells the names of one block from those of the others. */
  constructor(parent = null, suffix = '') {
    this.parent = parent
    this.suffix = suffix
  }

  declare(name, entity) {
    if (this.#entities.has(name)) throw new PtxError(`${name} is declared twice`)
    this.#entities.set(name, entity)
    return entity
  }

  find(name) {
    return this.#entities.get(name) ?? this.parent?.find(name) ?? null
  }

  findAs(kind, name) {
    const entity = this.find(name)
    if (entity?.kind !== kind) throw new PtxError(`${name} is not a ${kind}`)
    return entity
  }

  /** A C++ identifier for a name of this scope. */
  identifier(name) {
    return (name.startsWith('%') ? name.replace('%', '$') : `$$${name}`) + this.suffix
  }
}
