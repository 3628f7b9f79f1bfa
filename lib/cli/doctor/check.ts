export type CheckStatus = 'ok' | 'warn' | 'fail'

/** One line of the doctor's findings. `fail`: training is not possible; `warn`: it is, but not as it could be. */
export interface Check {
  readonly name: string
  readonly status: CheckStatus
  /** What was found, with the values. */
  readonly found: string
  /** What to do about it. */
  readonly remedy?: string
}
