import { join } from 'node:path'
import { packageRoot } from '../../../lib/native/load.js'
import type { Program } from './contender.js'
import type { Task } from './protocol.js'
import type { Python } from './python.js'
import type { TorchSettings } from './torch-settings.js'

/** How to start contender.py. */
export function torchProgram(python: Python, task: Task, settings: TorchSettings['env']): Program {
  const script = join(packageRoot(), 'bench', 'peers', 'cpu', 'contender.py')
  const threads = String(task.threads)
  return {
    command: python.path,
    args: [script, JSON.stringify(task)],
    // Bytecode of Python would land in the sources.
    env: {
      OMP_NUM_THREADS: threads,
      MKL_NUM_THREADS: threads,
      PYTHONDONTWRITEBYTECODE: '1',
      ...settings,
    },
  }
}
