import type { TokenSequence } from './sequence.js'

/**
 * The input positions of some sequences with every shared prefix once: a node is a token together with all tokens before
 * it, and what the model computes for it is the same in every sequence that runs through it. So the context of four
 * endings, the beginning of a sentence with two middles and the worked examples of a subject are read once.
 */
export class PrefixTree {
  /** Token of each node. */
  readonly tokens: number[] = []
  readonly #paths: Int32Array[] = []
  /** (node before, token) → node. */
  readonly #children = new Map<number, number>()
  readonly #hasChild: boolean[] = []

  /** The nodes of a sequence's inputs: all its ids but the last, which is only predicted. */
  add({ ids }: TokenSequence): Int32Array {
    const path = new Int32Array(ids.length - 1)
    const nodesBefore = this.tokens.length
    let node = -1
    for (let t = 0; t < path.length; t++) {
      const key = (node + 1) * vocabularyLimit + ids[t]!
      let next = this.#children.get(key)
      if (next === undefined) {
        next = this.tokens.length
        this.tokens.push(ids[t]!)
        this.#hasChild.push(false)
        this.#children.set(key, next)
        if (node >= 0) this.#hasChild[node] = true
      }
      path[t] = node = next
    }
    if (this.tokens.length > nodesBefore) this.#paths.push(path)
    return path
  }

  /** Paths that together visit every node: those that no other one goes on from. What attention has to see. */
  paths(): Int32Array[] {
    return this.#paths.filter((path) => !this.#hasChild[path.at(-1)!])
  }

  /** At least as many as {@link paths}. */
  get pathsAtMost(): number {
    return this.#paths.length
  }
}

/** Makes one number of node and token; ids stay below it, and the product below 2^53. */
const vocabularyLimit = 2 ** 24
