import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { DataError } from '../../errors.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { exitCode } from '../exit.js'
import { inspectCheckpoint } from '../inspect/checkpoint.js'
import type { Finding } from '../inspect/finding.js'
import { inspectModel } from '../inspect/model.js'
import { inspectRun } from '../inspect/run.js'
import { inspectSafetensors } from '../inspect/tensors.js'
import { inspectTokens } from '../inspect/tokens.js'

export const inspect = defineCommand({
  positionals: {
    path: {
      type: 'string',
      demandOption: true,
      describe: 'A run, checkpoint, token set, exported model or .safetensors',
    },
  },
  options: {
    json: { type: 'boolean', default: false, describe: 'Everything as JSON' },
  },
  examples: [
    ['inspect runs/quickstart', 'plan, progress, losses and checkpoints of a run'],
    ['inspect runs/quickstart/checkpoints/step-00000400', 'checks every byte of a checkpoint'],
  ],
  async run(args, context) {
    const finding = await examine(args.path)
    if (args.json) writeJson(context, finding.json)
    else writeLine(context, finding.text)
    return exitCode.ok
  },
})

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
    return (JSON.parse(readFileSync(path, 'utf8')) as { format?: unknown }).format
  } catch {
    return undefined
  }
}
