/** Patterns to files: `**`, `*`, `?`, `{a,b}`. Results are sorted, because their order is the order of the corpus. */
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, resolve } from 'node:path'
import { DataError, nearest } from '../../errors.js'

/**
 * The files that `patterns` name, as absolute paths: patterns in the given order, the files of one pattern
 * sorted, each file once. A path that exists is taken literally, whatever characters it has.
 */
export async function expandInputs(patterns: string | readonly string[]): Promise<string[]> {
  const list = typeof patterns === 'string' ? [patterns] : patterns
  if (list.length === 0) throw new DataError('No input files are named. Give at least one path or pattern.')
  const files = new Set<string>()
  for (const pattern of list) {
    for (const file of await expandOne(pattern)) files.add(file)
  }
  return [...files]
}

async function expandOne(pattern: string): Promise<string[]> {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(pattern)) {
    throw new DataError(`${pattern} is an address, not a file. Fetch it first and name the file.`, {
      file: pattern,
    })
  }
  const literal = await kindOf(pattern)
  if (literal === 'file') return [resolve(pattern)]
  if (literal === 'folder') {
    throw new DataError(
      `${pattern} is a folder. Name files or a pattern, ${join(pattern, '**', '*.jsonl')} for example.`,
      { file: pattern },
    )
  }
  if (!/[*?{]/.test(pattern)) throw await missing(pattern)

  const found = new Set<string>()
  for (const alternative of expandBraces(pattern)) {
    const { root, parts } = splitPattern(alternative)
    await walk(root, parts, found)
  }
  if (found.size === 0) throw await missing(pattern)
  return [...found].sort()
}

/** Repeated braces multiply, and a configuration may come from elsewhere. */
const MAX_ALTERNATIVES = 10_000
const MAX_BRACES = 100

/** `{a,b}` to one pattern each, nested and repeated braces too. */
export function expandBraces(pattern: string): string[] {
  if (pattern.split('{', MAX_BRACES + 2).length > MAX_BRACES + 1)
    throw new DataError(`A pattern has more than ${MAX_BRACES} braces. Write several patterns.`)
  const found: string[] = []
  const pending = [pattern]
  for (let next; (next = pending.pop()) !== undefined;) {
    const alternatives = expandFirstBrace(next)
    if (alternatives === undefined) found.push(next)
    else for (let i = alternatives.length - 1; i >= 0; i--) pending.push(alternatives[i]!)
    if (found.length + pending.length > MAX_ALTERNATIVES)
      throw new DataError(
        `The braces of ${pattern} make more than ${MAX_ALTERNATIVES} patterns. Use * instead.`,
      )
  }
  return found
}

/** The patterns with one choice of the first brace made; undefined when there is none. */
function expandFirstBrace(pattern: string): string[] | undefined {
  const open = pattern.indexOf('{')
  if (open < 0) return undefined
  const alternatives: string[] = []
  let depth = 0
  let from = open + 1
  for (let i = open; i < pattern.length; i++) {
    const c = pattern[i]
    if (c === '{') depth++
    if (c === ',' && depth === 1) {
      alternatives.push(pattern.slice(from, i))
      from = i + 1
    }
    if (c === '}' && --depth === 0) {
      alternatives.push(pattern.slice(from, i))
      const rest = pattern.slice(i + 1)
      return alternatives.map((middle) => pattern.slice(0, open) + middle + rest)
    }
  }
  throw new DataError(`The pattern ${pattern} opens a brace and does not close it.`, { file: pattern })
}

/** The folder that needs no matching, and the path parts that do. */
function splitPattern(pattern: string): { root: string; parts: string[] } {
  // `**/**` finds what `**` finds, in exponential time.
  const parts = pattern.split('/').filter((part, i, all) => part !== '**' || all[i - 1] !== '**')
  const first = parts.findIndex((part) => /[*?]/.test(part))
  const fixed = first < 0 ? parts.length - 1 : first
  const root = parts.slice(0, fixed).join('/')
  return { root: resolve(root === '' && pattern.startsWith('/') ? '/' : root), parts: parts.slice(fixed) }
}

async function walk(folder: string, parts: readonly string[], found: Set<string>): Promise<void> {
  const [part, ...rest] = parts
  if (part === undefined) return
  if (part === '' || part === '.') return walk(folder, rest, found)
  if (part === '**') {
    await walk(folder, rest.length > 0 ? rest : ['*'], found)
    // Links to folders are not followed here: they may lead in a circle.
    for (const entry of await entries(folder)) {
      if (entry.isDirectory() && !entry.name.startsWith('.'))
        await walk(join(folder, entry.name), parts, found)
    }
    return
  }
  if (!/[*?]/.test(part)) {
    if (rest.length > 0) return walk(join(folder, part), rest, found)
    if ((await kindOf(join(folder, part))) === 'file') found.add(join(folder, part))
    return
  }
  const matches = partMatcher(part)
  for (const entry of await entries(folder)) {
    if (!matches(entry.name)) continue
    const path = join(folder, entry.name)
    if (rest.length > 0) {
      if ((await kindOf(path)) === 'folder') await walk(path, rest, found)
    } else if ((await kindOf(path)) === 'file') {
      found.add(path)
    }
  }
}

/** `*` and `?` within one path part; a leading dot must be written out. */
function partMatcher(part: string): (name: string) => boolean {
  const source = part
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '.')
  const expression = new RegExp(`^${source}$`, 'su')
  return (name) => expression.test(name) && (part.startsWith('.') || !name.startsWith('.'))
}

async function entries(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new DataError(`Cannot list ${folder} (${code ?? 'unknown error'}). Check its permissions.`, {
      file: folder,
      cause: error,
    })
  }
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const stats = await stat(path).catch(() => undefined)
  if (!stats) return undefined
  if (stats.isDirectory()) return 'folder'
  if (stats.isFile()) return 'file'
  // A pipe would be waited on for ever.
  throw new DataError(`${path} is neither a file nor a folder. Give regular files.`, { file: path })
}

/** Nothing matches: says how far the path does exist, and a file there that may have been meant. */
async function missing(pattern: string): Promise<DataError> {
  let folder = dirname(resolve(pattern))
  while ((await kindOf(folder)) !== 'folder') folder = dirname(folder)
  const names = (await entries(folder)).map((entry) => entry.name)
  const similar = nearest(basename(pattern), names)
  const hint = similar === undefined ? '' : ` Did you mean ${join(folder, similar)}?`
  const from = isAbsolute(pattern) ? '' : `; the path counts from ${process.cwd()}`
  return new DataError(
    `No file matches ${pattern}. The nearest folder that exists is ${folder}${from}.${hint}`,
    {
      file: pattern,
    },
  )
}
