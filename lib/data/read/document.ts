/** What the readers yield and the tokenizer takes. */
export interface Document {
  readonly text: string
  readonly source: Source
  /** Goes on where the document before it stopped: a long text file comes in pieces. Gets no BOS. */
  readonly continued: boolean
}

export interface Source {
  readonly file: string
  /** Line of a JSON lines file, from 1. */
  readonly line?: number
  /** Row of a parquet file, from 1. */
  readonly row?: number
}
