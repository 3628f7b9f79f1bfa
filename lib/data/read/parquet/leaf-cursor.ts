/** The rows of one leaf column: each a value, or nested arrays as deep as its levels. */
import { assembleLists } from 'hyparquet/src/assemble.js'
import { convert } from 'hyparquet/src/convert.js'
import type { ColumnDecoder } from 'hyparquet/src/types.js'
import { PARSERS } from './column.js'
import type { Leaf } from './column.js'
import { damaged, guarded } from './damage.js'
import type { Chunk } from './footer.js'
import { readPages } from './pages.js'
import type { Page, PageOptions } from './pages.js'
import type { StoredFile } from './stored-file.js'

export class LeafCursor {
  private readonly pages: AsyncGenerator<Page, void, void>
  private rows: unknown[] = []
  private complete = false

  constructor(
    file: StoredFile,
    chunk: Chunk,
    readonly leaf: Leaf,
    pace: PageOptions['pace'],
  ) {
    const decoder: ColumnDecoder = {
      pathInSchema: [...leaf.path],
      type: leaf.type,
      element: leaf.element,
      schemaPath: leaf.schemaPath,
      codec: 'UNCOMPRESSED',
      parsers: PARSERS,
      utf8: false, // bytes that are not said to be text stay bytes
    }
    this.pages = readPages(file, chunk, leaf, { pace, convert: (values) => convert(values, decoder) })
  }

  async take(count: number): Promise<unknown[]> {
    // The last row of a page may go on in the next one, so one more is wanted.
    while (!this.complete && this.rows.length <= count) await this.nextPage()
    if (this.rows.length < count) damaged(`column ${this.leaf.name} has fewer rows than its row group`)
    return this.rows.splice(0, count)
  }

  /** All rows were taken: there must be no more. */
  async finish(): Promise<void> {
    while (!this.complete) await this.nextPage()
    if (this.rows.length > 0) damaged(`column ${this.leaf.name} has more rows than its row group`)
  }

  async close(): Promise<void> {
    await this.pages.return()
  }

  private async nextPage(): Promise<void> {
    const { value: page } = await this.pages.next()
    if (!page) {
      this.complete = true
      return
    }
    if (page.entries === 0) return
    const { values, definition, repetition, entries } = page
    const levels = definition ?? new Array<number>(entries).fill(this.leaf.maxDefinition)
    guarded(`a page of column ${this.leaf.name} is damaged`, () => {
      this.rows = assembleLists(this.rows, levels, repetition, values, this.leaf.schemaPath) as unknown[]
    })
  }
}
