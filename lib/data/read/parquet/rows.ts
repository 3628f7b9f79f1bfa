/** Whole columns, nested ones too, as one object a row: some hundred rows at a time. */
import { assembleNested } from 'hyparquet/src/assemble.js'
import type { DecodedArray, SchemaTree } from 'hyparquet/src/types.js'
import { findColumn, leavesOf, PARSERS } from './column.js'
import { damaged, guarded, withFile } from './damage.js'
import type { ParquetOptions } from './documents.js'
import { chunkOf, readFooter } from './footer.js'
import type { Footer, RowGroup } from './footer.js'
import { LeafCursor } from './leaf-cursor.js'
import type { PageOptions } from './pages.js'
import { pacer } from './pace.js'
import { plainValue } from './plain-value.js'
import { StoredFile } from './stored-file.js'

const WINDOW_ROWS = 256

/**
 * The rows of a parquet file as plain objects, the values as JSON would have them (see `plainValue`).
 * `columns` are names of top-level columns; without them all are read.
 */
export async function* readParquetRows(
  path: string,
  columns: readonly string[] | undefined,
  { signal }: ParquetOptions = {},
): AsyncGenerator<Record<string, unknown>, void, void> {
  const file = await StoredFile.open(path)
  try {
    const footer = await readFooter(file)
    const trees = treesOf(footer, columns, path)
    const pace = pacer(signal)
    for (const group of footer.groups) {
      for await (const row of rowsOfGroup(file, footer, group, trees, pace)) {
        yield row
        await pace()
      }
    }
  } catch (error) {
    throw withFile(path, error)
  } finally {
    await file.close()
  }
}

function treesOf({ schema }: Footer, columns: readonly string[] | undefined, path: string): SchemaTree[] {
  const names = columns ?? schema.children.map(({ element }) => element.name)
  return names.map((name) => findColumn(schema, name, path))
}

async function* rowsOfGroup(
  file: StoredFile,
  { schema }: Footer,
  group: RowGroup,
  trees: readonly SchemaTree[],
  pace: PageOptions['pace'],
): AsyncGenerator<Record<string, unknown>, void, void> {
  const cursors = trees.map((tree) =>
    leavesOf(schema, tree).map((leaf) => new LeafCursor(file, chunkOf(group, leaf.path), leaf, pace)),
  )
  try {
    for (let row = 0; row < group.rows;) {
      const count = Math.min(WINDOW_ROWS, group.rows - row)
      const window: DecodedArray[] = []
      for (const [i, tree] of trees.entries()) window.push(await columnWindow(tree, cursors[i]!, count))
      for (let i = 0; i < count; i++) {
        yield Object.fromEntries(trees.map(({ element }, c) => [element.name, plainValue(window[c]![i])]))
      }
      row += count
    }
    for (const cursor of cursors.flat()) await cursor.finish()
  } finally {
    for (const cursor of cursors.flat()) await cursor.close()
  }
}

/** The next `count` values of a top-level column, put together from its leaves. */
async function columnWindow(
  tree: SchemaTree,
  cursors: readonly LeafCursor[],
  count: number,
): Promise<DecodedArray> {
  const parts = new Map<string, DecodedArray>()
  for (const cursor of cursors) parts.set(cursor.leaf.name, await cursor.take(count))
  return guarded(`the column ${tree.element.name} is damaged`, () => {
    assembleNested(parts, tree, PARSERS)
    const values = parts.get(tree.path.join('.'))
    return values?.length === count ? values : damaged('its parts differ in length')
  })
}
