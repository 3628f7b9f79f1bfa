import type { Terminal } from './terminal.js'

export interface StatusLine {
  /** Replaces the line; on anything but a terminal a line is printed now and then, and when it `matters`. */
  readonly show: (text: string, matters?: boolean) => void
  /** A line that stays. */
  readonly note: (text: string) => void
  /** Takes the line away. Idempotent. */
  readonly close: () => void
}

/** One line that says how far something is. */
export function createStatusLine(
  terminal: Terminal,
  { plainSeconds = 5, now = () => performance.now() }: StatusLineOptions = {},
): StatusLine {
  let visible = false
  let shown = -Infinity
  const close = () => {
    if (visible) terminal.write('\r\x1b[2K')
    visible = false
  }
  return {
    close,
    note(text) {
      close()
      terminal.write(`${text}\n`)
    },
    show(text, matters = false) {
      const wait = terminal.live ? liveMilliseconds : plainSeconds * 1000
      if (!matters && now() - shown < wait) return
      shown = now()
      if (!terminal.live) return terminal.write(`${text}\n`)
      close()
      terminal.write(clip(text, terminal.columns() - 1))
      visible = true
    },
  }
}

export interface StatusLineOptions {
  /** Seconds between lines where none can be replaced. */
  readonly plainSeconds?: number
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number
}

const liveMilliseconds = 100

/** A line that wraps could not be taken away again. */
function clip(text: string, columns: number): string {
  const characters = [...text]
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join('')}…`
}
