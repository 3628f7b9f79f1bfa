/** What an evaluation prints: for programs, and for people. */
export interface EvalOutput {
  readonly json: object
  readonly text: string
}
