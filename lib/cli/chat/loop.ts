import type { Conversation } from '../../generate/conversation.js'
import type { OutputStream, Terminal } from '../../report/terminal.js'
import { exitCode } from '../exit.js'

export interface ChatStreams {
  /** What the user says, a line a turn. */
  readonly lines: AsyncIterable<string>
  /** Answers. */
  readonly stdout: OutputStream
  /** Notices, and the mark before a line where somebody types it. */
  readonly terminal: Terminal
  /** Shows the mark. */
  readonly ask: () => void
  /** Ends the lines. */
  readonly close: () => void
}

/**
 * Talks until the lines end. {@link interrupt} stops the answer that is being written; when there is none, or it was
 * told so before, it ends the conversation.
 */
export class ChatLoop {
  readonly #conversation: Pick<Conversation, 'answer'>
  readonly #streams: ChatStreams
  #answering: AbortController | undefined
  #leavingWith: number | undefined

  constructor(conversation: Pick<Conversation, 'answer'>, streams: ChatStreams) {
    this.#conversation = conversation
    this.#streams = streams
  }

  /** @returns the exit code */
  async run(): Promise<number> {
    const { lines, ask } = this.#streams
    ask()
    for await (const line of lines) {
      if (this.#leavingWith !== undefined) break
      if (line.trim() !== '') await this.#answer(line)
      if (this.#leavingWith !== undefined) break
      ask()
    }
    return this.#leavingWith ?? exitCode.ok
  }

  interrupt(): void {
    const answering = this.#answering
    if (answering && !answering.signal.aborted) answering.abort()
    else this.leave(exitCode.interrupted)
  }

  leave(code: number): void {
    this.#leavingWith = code
    this.#answering?.abort()
    this.#streams.close()
  }

  async #answer(line: string): Promise<void> {
    const { stdout } = this.#streams
    const controller = new AbortController()
    this.#answering = controller
    try {
      for await (const piece of this.#conversation.answer(line, controller.signal)) stdout.write(piece)
    } catch (error) {
      if (!controller.signal.aborted) throw error
    } finally {
      this.#answering = undefined
      stdout.write('\n')
    }
  }
}
