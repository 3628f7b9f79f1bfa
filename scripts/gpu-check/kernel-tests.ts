// Runs bundled test files with vitest's runner and reports each test.
import { startTests, type Suite, type Task, type Test, type VitestRunner } from '@vitest/runner'
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Lines } from './lines.js'

/** Test files in `folder` whose name is among `wanted`; all of them when that is empty. */
export function testFiles(folder: string, wanted: readonly string[]): string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.test.js'))
  return files
    .filter((file) => wanted.length === 0 || wanted.includes(basename(file, '.test.js')))
    .map((file) => join(folder, file))
}

/** One line a file; a failed test has a line of its own. A file without tests has failed. */
export async function runTestFiles(
  files: readonly string[],
  lines: Lines,
  testTimeout = 30_000,
): Promise<void> {
  if (files.length === 0) lines.failed('test files', 'there are none')
  for (const file of files) {
    const name = basename(file, '.test.js')
    const began = performance.now()
    const [suite] = await startTests([file], runner(testTimeout))
    const tests = suite ? testsOf(suite) : []
    const failures = [
      ...(suite ? brokenSuites(suite) : []),
      ...tests.filter((test) => stateOf(test) === 'fail'),
    ]
    const skipped = tests.filter((test) => stateOf(test) !== 'fail' && stateOf(test) !== 'pass').length
    for (const failure of failures) lines.failed(`${name}: ${fullName(failure)}`, messageOf(failure))
    lines.add({
      name,
      ok: failures.length === 0 && tests.length > 0,
      ms: performance.now() - began,
      tests: tests.length,
      failed: failures.length,
      not_run: skipped,
      ...(tests.length > 0 && tests.length === skipped && { skipped: 'none of its tests is for this host' }),
    })
  }
}

const stateOf = (task: Task) => task.result?.state
const messageOf = (task: Task) =>
  task.result?.errors?.map(({ message }) => message).join('; ') ?? 'no reason given'

/** With the groups it stands in. */
const fullName = (task: Task): string => (task.suite ? `${fullName(task.suite)} ${task.name}` : task.name)

function testsOf(suite: Suite): Test[] {
  return suite.tasks.flatMap((task) => (task.type === 'suite' ? testsOf(task) : [task]))
}

/** Suites that failed themselves: an import, or a hook. (A suite also counts as failed when one of its tests did.) */
function brokenSuites(suite: Suite): Suite[] {
  const inside = suite.tasks.flatMap((task) => (task.type === 'suite' ? brokenSuites(task) : []))
  return (suite.result?.errors?.length ?? 0) > 0 ? [suite, ...inside] : inside
}

function runner(testTimeout: number): VitestRunner {
  return {
    config: {
      root: process.cwd(),
      setupFiles: [],
      name: undefined,
      passWithNoTests: false,
      testNamePattern: undefined,
      allowOnly: true,
      sequence: { seed: 0, hooks: 'stack', setupFiles: 'list' },
      chaiConfig: undefined,
      maxConcurrency: 1,
      testTimeout,
      hookTimeout: testTimeout,
      retry: 0,
      includeTaskLocation: false,
      tags: [],
      tagsFilter: undefined,
      strictTags: false,
    },
    importFile: (path) => import(pathToFileURL(path).href),
  }
}
