import type { WriteStream } from 'node:tty'
import pc from 'picocolors'

export type Colors = ReturnType<typeof pc.createColors>

/** What may be done with an output stream. */
export interface Terminal {
  /** A line may be rewritten in place. */
  readonly live: boolean
  readonly colors: Colors
  /** Characters a line. */
  columns(): number
  write(text: string): void
}

export type OutputStream = Pick<NodeJS.WritableStream, 'write'> &
  Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

/**
 * Animation and colour only where somebody looks at a terminal: not in a pipe, not in CI, not with NO_COLOR
 * (no-color.org) or TERM=dumb. FORCE_COLOR brings the colours back, never the animation.
 */
export function terminalOf(stream: OutputStream, environment: NodeJS.ProcessEnv): Terminal {
  const live = Boolean(stream.isTTY) && environment.TERM !== 'dumb' && !environment.CI
  const forced = Boolean(environment.FORCE_COLOR) && environment.FORCE_COLOR !== '0'
  return {
    live,
    colors: pc.createColors(forced || (live && !environment.NO_COLOR)),
    columns: () => stream.columns || 80, // a terminal that has no size yet says 0
    write: (text) => void stream.write(text),
  }
}
