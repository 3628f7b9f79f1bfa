import type { z } from 'zod'
import { ConfigError } from '../errors.js'
import { configSchema, type ParsedConfig } from './schema.js'

type Issue = z.core.$ZodIssue

/**
 * Checks the form of a configuration: keys, types, ranges. Relations between values are `resolveConfig`'s.
 *
 * @param source what to call the configuration in an error: a file's path, say
 * @throws ConfigError that lists every problem, with the path of the first
 */
export function parseConfig(input: unknown, source = 'configuration'): ParsedConfig {
  const result = configSchema.safeParse(input)
  if (result.success) return result.data
  const problems = result.error.issues.flatMap((issue) => describe(issue, input))
  const lines = problems.map(({ path, text }) => `  ${path ? `${path}: ` : ''}${text}`)
  const heading = problems.length === 1 ? 'one problem' : `${problems.length} problems`
  throw new ConfigError(`${source}: ${heading}\n${lines.join('\n')}`, { path: problems[0]!.path })
}

interface Problem {
  path: string
  text: string
}

function describe(issue: Issue, input: unknown): Problem[] {
  if (issue.code === 'invalid_union') {
    return intendedBranch(issue.errors, issue.path).flatMap((each) => describe(each, input))
  }
  if (issue.code === 'unrecognized_keys') {
    return issue.message.split('\n').map((text) => ({ path: dotted(issue.path), text }))
  }
  const isRange = issue.code === 'too_big' || issue.code === 'too_small'
  const given = isRange ? `; it is ${String(valueAt(input, issue.path))}` : ''
  return [{ path: dotted(issue.path), text: plain(issue.message) + given }]
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    input,
  )
}

/**
 * A union fails with the problems of each branch. The branch that was meant is the one whose type was right at the
 * root; when none was, the types that were expected are said together.
 */
function intendedBranch(branches: readonly Issue[][], path: readonly PropertyKey[]): Issue[] {
  const typeIsWrong = (issue: Issue) => issue.code === 'invalid_type' && issue.path.length === 0
  const meant = branches.find((issues) => !issues.some(typeIsWrong))
  if (meant) return meant.map((issue) => ({ ...issue, path: [...path, ...issue.path] }))
  const wrong = branches.flat().filter((issue) => issue.code === 'invalid_type')
  const expected = [...new Set(wrong.map((issue) => issue.expected))].join(' or ')
  return [
    {
      ...wrong[0]!,
      message: wrong[0]!.message.replace(/expected \w+/, `expected ${expected}`),
      path: [...path],
    },
  ]
}

/** zod's words for a missing key are those for a wrong type. */
function plain(message: string): string {
  return message.endsWith('received undefined')
    ? message.replace(/^Invalid input: (.*), received undefined$/, 'missing; $1')
    : message.replace(/^Invalid input: /, '')
}

function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join('.')
}
