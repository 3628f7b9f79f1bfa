import type { TokenizeProgress } from '../data/tokenize-corpus.js'
import { grouped, percent, si } from '../report/format.js'
import type { StatusLine } from '../report/status-line.js'
import type { PrepareProgress } from '../train/corpus.js'

export function tokenizeText({ bytesRead, bytesTotal, documents, tokens }: TokenizeProgress): string {
  return `tokenizing ${share(bytesRead, bytesTotal)}  ${grouped(documents)} documents  ${si(tokens, 'B')} tokens`
}

/** Shows what happens before the first step of a run. */
export function showPreparation(
  status: Pick<StatusLine, 'show' | 'note'>,
): (progress: PrepareProgress) => void {
  return (progress) => {
    switch (progress.stage) {
      case 'tokenize':
        return status.show(tokenizeText(progress))
      case 'verify':
        return status.show(`verifying token shards ${share(progress.bytesDone, progress.bytesTotal)}`)
      case 'notice':
        return status.note(progress.message)
    }
  }
}

function share(done: number, total: number): string {
  return percent(total > 0 ? done / total : 1)
}
