import { join } from 'node:path'
import { packageRoot } from '../../../lib/native/load.js'
import type { Program } from './contender.js'
import type { Task } from './protocol.js'

/** How to start ours.ts as tsup built it. */
export function ourProgram(task: Task): Program {
  const script = join(packageRoot(), 'build', 'bench', 'peers', 'cpu', 'ours.js')
  return { command: process.execPath, args: ['--expose-gc', script, JSON.stringify(task)], env: {} }
}
