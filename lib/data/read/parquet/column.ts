/** The columns of a schema: which are there, which hold text, what hyparquet has to know of one. */
import { DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from 'hyparquet/src/schema.js'
import type { ParquetParsers, ParquetType, SchemaElement, SchemaTree } from 'hyparquet/src/types.js'
import { DataError, nearest } from '../../../errors.js'
import { listNames } from '../json-lines.js'
import { damaged } from './damage.js'

/** A column of single values: a leaf of the schema. */
export interface Leaf {
  /** Its name as people write it: `choices.text`. */
  readonly name: string
  readonly path: readonly string[]
  readonly schemaPath: SchemaTree[]
  readonly element: SchemaElement
  readonly type: ParquetType
  readonly maxDefinition: number
  readonly maxRepetition: number
}

/** The top-level column `name`, or a `DataError` that lists those there are. */
export function findColumn(schema: SchemaTree, name: string, file: string): SchemaTree {
  const found = schema.children.filter(({ element }) => element.name === name)
  if (found.length > 1) damaged(`it has ${found.length} columns of the name "${name}"`)
  if (found[0] !== undefined) return found[0]
  const names = schema.children.map(({ element }) => element.name)
  const similar = nearest(
    name,
    names.slice(0, 1000).filter((other) => other.length <= 100),
  )
  throw new DataError(
    `${file} has no column "${name}"; it has ${listNames(names)}.` +
      (similar === undefined ? ' Name the column that holds it.' : ` Did you mean "${similar}"?`),
    { file },
  )
}

/** The column of strings `name`, one a row. */
export function findTextColumn(schema: SchemaTree, name: string, file: string): Leaf {
  const column = findColumn(schema, name, file)
  const [leaf] = leavesOf(schema, column)
  if (leaf !== undefined && column.children.length === 0 && leaf.maxRepetition === 0 && isText(leaf.element))
    return leaf
  throw new DataError(
    `${file}: the column "${name}" holds ${describe(column)}, not strings. Name another, or write it as strings.`,
    { file },
  )
}

export function leavesOf(schema: SchemaTree, column: SchemaTree): Leaf[] {
  if (column.children.length > 0) return column.children.flatMap((child) => leavesOf(schema, child))
  const { element, path } = column
  const name = path.join('.')
  if (element.type === undefined) return damaged(`the column ${name} has no type`)
  const schemaPath = getTreePath(schema, path)
  if (schemaPath.at(-1) !== column) damaged(`two of its columns have the name ${name}`)
  return [
    {
      name,
      path,
      schemaPath,
      element,
      type: element.type,
      maxDefinition: getMaxDefinitionLevel(schemaPath),
      maxRepetition: getMaxRepetitionLevel(schemaPath),
    },
  ]
}

export function isText({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean {
  return type === 'BYTE_ARRAY' && (converted === 'UTF8' || logical?.type === 'STRING')
}

function describe({ children, element }: SchemaTree): string {
  if (element.converted_type === 'LIST' || element.repetition_type === 'REPEATED') return 'lists'
  if (children.length > 0) return 'structs'
  const annotation = element.logical_type?.type ?? element.converted_type
  const type = element.type === 'BYTE_ARRAY' ? 'bytes' : (element.type ?? 'nothing')
  return annotation === undefined ? `values of type ${type}` : `values of type ${type} (${annotation})`
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** How values are shown to JavaScript: text must be UTF-8, dates become what JSON has for them. */
export const PARSERS: ParquetParsers = {
  ...DEFAULT_PARSERS,
  stringFromBytes: (bytes) => utf8.decode(bytes),
  jsonFromBytes: (bytes) => JSON.parse(utf8.decode(bytes)) as unknown,
}
