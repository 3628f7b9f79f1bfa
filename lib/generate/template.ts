import { ConfigError } from '../errors.js'

export interface Turn {
  readonly user: string
  readonly assistant: string
}

/** Without any training on conversations a model still goes on with what looks like one. */
export const defaultTemplate = 'User: {user}\nAssistant: {assistant}\n'

/** How the turns of a conversation become one text: a turn's words with `{user}` and `{assistant}` in their places. */
export class ChatTemplate {
  readonly #before: string
  readonly #between: string
  readonly #after: string

  /** @throws {ConfigError} unless it has both places once, the user's first */
  constructor(template: string) {
    const parts = typeof template === 'string' ? template.split(/\{user\}|\{assistant\}/) : []
    const [before, between, after] = parts
    if (parts.length !== 3 || template !== `${before}{user}${between}{assistant}${after}`)
      throw new ConfigError(
        `The template ${JSON.stringify(template)} needs {user} and then {assistant}, each once: ${JSON.stringify(defaultTemplate)} say.`,
        { path: 'template' },
      )
    this.#before = before!
    this.#between = between!
    this.#after = after!
  }

  /**
   * The text up to where the model answers `user`. Spaces at its end are left to the answer: to a tokenizer a word and
   * the space before it are one.
   */
  prompt(turns: readonly Turn[], user: string): string {
    const past = turns.map((turn) => this.#upToAnswer(turn.user) + this.#spaced(turn.assistant) + this.#after)
    return past.join('') + this.#upToAnswer(user).replace(/ +$/, '')
  }

  /** What ends an answer: the words after it, or, where those are blank, with those before the next turn. */
  stops(): string[] {
    const after = this.#after.trim() !== '' ? this.#after : this.#after + this.#before
    return after.trim() === '' ? [] : [after.trimEnd()]
  }

  #upToAnswer(user: string): string {
    return this.#before + user + this.#between
  }

  #spaced(answer: string): string {
    return this.#between.endsWith(' ') ? answer.trimStart() : answer
  }
}
