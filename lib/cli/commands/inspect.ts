import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DataError } from '../../errors.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { exitCode, UsageError } from '../exit.js'
import { inspectCheckpoint } from '../inspect/checkpoint.js'
import type { Finding } from '../inspect/finding.js'
import { inspectModel } from '../inspect/model.js'
import { inspectProfile } from '../inspect/profile.js'
import { inspectRun } from '../inspect/run.js'
import { inspectStep } from '../inspect/step.js'
import { inspectSafetensors } from '../inspect/tensors.js'
import { inspectTokens } from '../inspect/tokens.js'

export const inspect = defineCommand({
  positionals: {
    path: {
      type: 'string',
      demandOption: true,
      describe:
        'A run, checkpoint, token set, exported model or .safetensors; with --profile a run or its configuration',
    },
  },
  options: {
    profile: {
      type: 'boolean',
      default: false,
      describe: 'Measure where the time of a training step goes: time, share and floor of every op',
    },
    stage: { type: 'string', describe: 'Profile only this stage' },
    steps: { type: 'number', describe: 'Steps to measure in each stage; 10 unless given' },
    ops: { type: 'boolean', describe: 'Every op in order of execution, not one row for each kind' },
    svg: { type: 'string', describe: 'Draw the profile into this file, too' },
    step: {
      type: 'number',
      describe: 'Compute this step of a run again: what it read, loss of every sequence, gradients',
    },
    device: { type: 'string', describe: 'Profile or replay on another device than the run’s' },
    threads: { type: 'number', describe: 'Threads of the CPU backend, else the run’s' },
    json: { type: 'boolean', default: false, describe: 'Everything as JSON' },
  },
  examples: [
    ['inspect runs/quickstart', 'plan, progress, losses and checkpoints of a run'],
    ['inspect runs/quickstart/checkpoints/step-00000400', 'checks every byte of a checkpoint'],
    ['inspect configs/quickstart.yaml --profile --svg profile.svg', 'where the time of its steps goes'],
    [
      'inspect runs/quickstart --step 812',
      'what step 812 was: its batch, loss and gradients, computed again',
    ],
  ],
  async run(args, context) {
    const { path, step, stage, steps, device, threads, svg, ops = false, json } = args
    if (args.profile) {
      if (step !== undefined) throw new UsageError('--step and --profile are two questions. Ask one.')
      await inspectProfile({ path, stage, steps, device, threads, svg, ops, json }, context)
      return exitCode.ok
    }
    refuseFlags(args, profileFlags, '--profile')
    if (step !== undefined) return inspectStep({ path, step, device, threads, json }, context)
    refuseFlags(args, deviceFlags, '--profile or --step')
    const finding = await examine(args.path)
    if (args.json) writeJson(context, finding.json)
    else writeLine(context, finding.text)
    return exitCode.ok
  },
})

const profileFlags = ['stage', 'steps', 'ops', 'svg'] as const
const deviceFlags = ['device', 'threads'] as const
type Flag = (typeof profileFlags | typeof deviceFlags)[number]

/** Without what they belong to they would be ignored. */
function refuseFlags(args: Partial<Record<Flag, unknown>>, flags: readonly Flag[], owner: string): void {
  const flag = flags.find((name) => args[name] !== undefined)
  if (flag) throw new UsageError(`--${flag} belongs to ${owner}. Add ${owner}, or leave it out.`)
}

function examine(path: string): Promise<Finding> {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) throw new DataError(`There is nothing at ${path}. Check the path.`, { file: path })
  if (stats.isFile()) {
    if (path.endsWith('.safetensors')) return inspectSafetensors(path)
    if (path.endsWith('.tokens')) return inspectTokens(dirname(path))
    throw new DataError(
      `${basename(path)} is no file that can be inspected: only .safetensors and .tokens can.`,
      { file: path },
    )
  }
  if (existsSync(join(path, 'config.yaml'))) return inspectRun(path)
  if (existsSync(join(path, 'config.json'))) return inspectModel(path)
  if (existsSync(join(path, 'manifest.json'))) {
    return manifestFormat(join(path, 'manifest.json')) === 'patchtrain-tokens'
      ? inspectTokens(path)
      : inspectCheckpoint(path)
  }
  throw new DataError(
    `${path} is no run (config.yaml), exported model (config.json), checkpoint or token set (manifest.json).`,
    { file: path },
  )
}

/** Only which reader to ask; that reader then checks the whole. */
function manifestFormat(path: string): unknown {
  try {
    return !statSync(path).isFile()
      ? undefined
      : (JSON.parse(readFileSync(path, 'utf8')) as { format?: unknown }).format
  } catch {
    return undefined
  }
}
