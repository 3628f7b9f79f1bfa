import { formatConfig } from '../../config/load.js'
import { createStatusLine } from '../../report/status-line.js'
import { PatchTrainer } from '../../train/trainer.js'
import { defineCommand, writeJson, writeLine } from '../command.js'
import { configFrom, configOptions, configPositionals } from '../config-flags.js'
import { exitCode } from '../exit.js'
import { opsText, planText } from '../plan-text.js'
import { showPreparation } from '../prepare-text.js'

export const plan = defineCommand({
  positionals: configPositionals,
  options: {
    ...configOptions,
    ops: { type: 'boolean', default: false, describe: 'Every op of a step, with shapes and costs' },
    'print-config': {
      type: 'boolean',
      default: false,
      describe: 'The resolved configuration as YAML, nothing else',
    },
    json: { type: 'boolean', default: false, describe: 'The plan as JSON on stdout' },
  },
  examples: [
    ['plan configs/quickstart.yaml', 'what the run will take'],
    ['plan configs/quickstart.yaml --recipe token', 'what its baseline would take'],
    ['plan configs/quickstart.yaml --print-config', 'what every default comes to'],
  ],
  async run(args, context) {
    const config = configFrom(args, context.environment)
    const status = createStatusLine(context.terminal)
    const trainer = await PatchTrainer.create(config, { dryRun: true, onProgress: showPreparation(status) })
    try {
      status.close()
      const prediction = trainer.plan()
      if (args.json) writeJson(context, prediction)
      else if (args['print-config']) context.stdout.write(formatConfig(prediction.config))
      else writeLine(context, args.ops ? opsText(prediction) : planText(prediction))
      return exitCode.ok
    } finally {
      status.close()
      await trainer.dispose()
    }
  },
})
