import { isFinished } from '../../train/finished.js'
import { runFolder } from '../../train/run-folder.js'
import { PatchTrainer } from '../../train/trainer.js'
import { defineCommand } from '../command.js'
import { exitCode, exitCodeHelp } from '../exit.js'
import { followTraining } from '../follow.js'

export const resume = defineCommand({
  positionals: {
    run: { type: 'string', demandOption: true, describe: 'The run folder' },
  },
  options: {
    allow: {
      type: 'string',
      array: true,
      default: [] as string[],
      describe:
        'Value in which config.yaml may differ from the checkpoint: config.optimizer.weightDecay, say',
    },
    device: {
      type: 'string',
      describe: 'Go on on another device: `auto`, `cpu`, `cuda` or `cuda:1`',
    },
    json: { type: 'boolean', default: false, describe: 'Every event as a line of JSON on stdout' },
  },
  examples: [
    ['resume runs/quickstart', 'goes on from the newest checkpoint that is whole'],
    [
      'resume runs/quickstart --allow config.optimizer.weightDecay',
      'after that value was changed in its config.yaml',
    ],
  ],
  epilogue: exitCodeHelp,
  async run(args, context) {
    const { allow, device } = args
    if (await isFinished(runFolder(args.run))) {
      context.terminal.write(
        `${args.run} is finished: there is nothing to go on with, and nothing was changed.\n`,
      )
      return exitCode.ok
    }
    return followTraining(
      (options) =>
        PatchTrainer.resume(args.run, { ...options, allow, ...(device !== undefined && { device }) }),
      args.json,
      context,
    )
  },
})
