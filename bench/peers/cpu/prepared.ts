/** A task that is ready to be run by ours. */
export interface Prepared {
  /** Resolves to the loss, or null where there is none. */
  readonly run: () => Promise<number | null>
  /** What was computed before the warm-up. */
  readonly values: number[]
  /** The CPU backend's instruction-set level. */
  readonly level: string
}
