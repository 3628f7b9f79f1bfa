import { join } from 'node:path'
import { nodePeers } from './node-peers.js'
import { ourProgram } from './our-program.js'
import type { Python } from './python.js'
import { race } from './race.js'
import type { MeasuredRow } from './report.js'
import type { PeerRow } from './rows.js'
import { torchProgram } from './torch-program.js'
import type { TorchSettings } from './torch-settings.js'

/** torch.compile may take minutes; a step of the largest model takes seconds on one slow thread. */
const patience = { prepare: 600, turn: 120 }

export interface Course {
  readonly rounds: number
  readonly python: Python
  readonly settings: TorchSettings
  /** Where trainers of Node are installed. */
  readonly nodePackages: string
  /** For temporary files. */
  readonly folder: string
}

/** Ours against each form of PyTorch, and the trainers of Node where they can, on one row. */
export async function measureRow(
  row: PeerRow,
  threads: number,
  { rounds, python, settings, nodePackages, folder }: Course,
  progress: (what: string) => void,
): Promise<MeasuredRow> {
  const task = { ...row.task, threads, inputs: join(folder, 'inputs') }
  const entrants = [
    { name: 'ours', program: ourProgram(task) },
    ...row.peers.map(({ name, form, tuned }) => ({
      name,
      program: torchProgram(python, { ...task, form }, tuned ? settings.env : {}),
    })),
    ...nodePeers(row, task, nodePackages),
  ]
  return {
    name: row.name,
    threads,
    ...(row.model && { tokens: row.model.B * row.model.T * row.model.K }),
    ...(await race(entrants, rounds, patience, progress)),
  }
}
