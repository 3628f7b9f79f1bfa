/** A task that is ready to be run by a program of Node. */
export interface Prepared {
  /** Resolves to the loss, or null where there is none. */
  readonly run: () => Promise<number | null>
  /** What was computed before the warm-up. */
  readonly values: number[]
  /** Of ours: `level` is the CPU backend's instruction-set level. */
  readonly versions: Readonly<Record<string, string>>
}
