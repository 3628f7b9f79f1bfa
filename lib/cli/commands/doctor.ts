import { defineCommand, writeJson, writeLine, type CliContext } from '../command.js'
import { addonChecks } from '../doctor/addon.js'
import type { Check } from '../doctor/check.js'
import { hostChecks } from '../doctor/host.js'
import { exitCode } from '../exit.js'

export const doctor = defineCommand({
  positionals: {},
  options: {
    json: { type: 'boolean', default: false, describe: 'The findings as JSON' },
  },
  examples: [
    ['doctor', 'every line is OK, WARN or FAIL; exits with 1 if training is not possible'],
    ['doctor --json', 'for a bug report'],
  ],
  run(args, context) {
    const checks = [...hostChecks(process.cwd()), ...addonChecks(context.environment)]
    const canTrain = checks.every((check) => check.status !== 'fail')
    if (args.json) writeJson(context, { canTrain, checks })
    else writeChecks(context, checks, canTrain)
    return Promise.resolve(canTrain ? exitCode.ok : exitCode.failure)
  },
})

function writeChecks(context: CliContext, checks: readonly Check[], canTrain: boolean): void {
  const width = Math.max(...checks.map((check) => check.name.length))
  for (const { name, status, found, remedy } of checks) {
    writeLine(context, `${status.toUpperCase().padEnd(4)}  ${name.padEnd(width)}  ${found}`)
    if (remedy) writeLine(context, `${' '.repeat(6 + width + 2)}→ ${remedy}`)
  }
  writeLine(context, canTrain ? '\nThis host can train.' : '\nThis host cannot train yet.')
}
