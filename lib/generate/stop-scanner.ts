/**
 * Lets text through until a stop string would come. What could be the beginning of one is held back until it is clear
 * that it is not.
 */
export class StopScanner {
  readonly #stops: readonly string[]
  #held = ''

  /** @param stops none of them empty */
  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  /** The text that is certain now; `stopped`: it ends here, and nothing more is to be pushed. */
  push(piece: string): { readonly text: string; readonly stopped: boolean } {
    const text = this.#held + piece
    const found = this.#stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
    if (found.length > 0) {
      this.#held = ''
      return { text: text.slice(0, Math.min(...found)), stopped: true }
    }
    const certain = text.length - Math.max(0, ...this.#stops.map((stop) => beginningAtEnd(text, stop)))
    this.#held = text.slice(certain)
    return { text: text.slice(0, certain), stopped: false }
  }

  /** What was held back: the text ends without it becoming a stop string. */
  end(): string {
    const rest = this.#held
    this.#held = ''
    return rest
  }
}

/** Length of the longest end of `text` that `stop` begins with. */
function beginningAtEnd(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--)
    if (text.endsWith(stop.slice(0, length))) return length
  return 0
}
