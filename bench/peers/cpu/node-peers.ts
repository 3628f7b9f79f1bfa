import { join } from 'node:path'
import { packageRoot } from '../../../lib/native/load.js'
import type { Task } from './protocol.js'
import type { Entrant } from './race.js'
import type { PeerRow } from './rows.js'

/**
 * The trainers that a user of Node can install, on the one step that is small enough for them.
 * @param folder where they are installed
 */
export function nodePeers({ model }: PeerRow, task: Task, folder: string): Entrant[] {
  if (model?.name !== 'C256 V512') return []
  const script = join(packageRoot(), 'build', 'bench', 'peers', 'cpu', 'jax-js.js')
  const args = ['--expose-gc', script, folder, JSON.stringify(task)]
  return [{ name: 'jax-js', program: { command: process.execPath, args, env: {} } }]
}
