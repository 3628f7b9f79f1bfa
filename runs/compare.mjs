// Trains the same model on the same data three ways and overlays the losses in one picture:
//   patch          the paper's plan, K = 4, λ = 2/3
//   token          token by token on the same tokens (equal data, twice the compute)
//   token-half     token by token on half the tokens (equal compute)
// usage: node runs/compare.mjs CONFIG.yaml OUT_FOLDER     (CONFIG is the patch plan; needs npm run build)
// Prints a table of final validation losses and wall-clock costs, and writes OUT_FOLDER/compare.svg.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PatchTrainer, loadConfig, lossPicture, readMetrics } from '../dist/index.js'

const [configFile, outFolder] = process.argv.slice(2)
if (!configFile || !outFolder) {
  console.error('usage: node runs/compare.mjs CONFIG.yaml OUT_FOLDER')
  process.exit(2)
}
const base = loadConfig({ file: configFile })
const { patchSize: _K, patchFraction: _lambda, ...schedule } = base.schedule
const halfSteps = Math.round(schedule.totalSteps / 2)
const runs = [
  { label: 'patch, K = 4, λ = 2/3', name: 'patch', schedule: base.schedule },
  { label: 'token, equal data', name: 'token', schedule: { ...schedule, recipe: 'token' } },
  {
    label: 'token, equal compute',
    name: 'token-half',
    schedule: { ...schedule, recipe: 'token', totalSteps: halfSteps },
  },
]

mkdirSync(outFolder, { recursive: true })
const results = []
for (const { label, name, schedule } of runs) {
  const out = join(outFolder, name)
  const trainer = await PatchTrainer.create({ ...base, name, out, schedule }, { existing: 'replace' })
  const result = { label, out, stepSeconds: 0, tokens: 0, stageRate: new Map() }
  for await (const event of trainer.train()) {
    if (event.type === 'step') {
      result.stepSeconds += event.seconds
      result.tokens = event.tokens
      const stage = result.stageRate.get(event.patchSize) ?? { tokens: 0, seconds: 0 }
      stage.tokens += event.seconds * event.tokensPerSecond
      stage.seconds += event.seconds
      result.stageRate.set(event.patchSize, stage)
      if (event.step % 50 === 0) console.error(`${name} step ${event.step} loss ${event.loss.toFixed(4)}`)
    }
    if (event.type === 'evaluation') result.validation = event
    if (event.type === 'sample') result.sample = event.text
    if (event.type === 'end') result.wallSeconds = event.seconds
  }
  await trainer.dispose()
  results.push(result)
}

const [patch, token] = results
const pictured = results.map(({ label, out }) => ({ label, events: readMetrics(join(out, 'metrics.jsonl')) }))
writeFileSync(join(outFolder, 'compare.svg'), lossPicture(pictured, base.name ?? 'comparison'))

console.log('| run | tokens | training seconds | whole run, seconds | validation loss | bits per byte |')
console.log('| --- | --- | --- | --- | --- | --- |')
for (const { label, tokens, stepSeconds, wallSeconds, validation } of results) {
  const cells = [label, tokens, stepSeconds.toFixed(1), wallSeconds.toFixed(1), validation.loss.toFixed(4)]
  console.log(`| ${[...cells, validation.bitsPerByte.toFixed(4)].join(' | ')} |`)
}
const rate = ({ tokens, seconds }) => tokens / seconds
const stageRatio = rate(patch.stageRate.get(4)) / rate(patch.stageRate.get(1))
console.log(`\npatch stage against token stage, tokens/s: ${stageRatio.toFixed(2)}×`)
console.log(
  `cost of the patch run at equal data, steps: ${(patch.stepSeconds / token.stepSeconds).toFixed(3)}`,
)
console.log(
  `cost of the patch run at equal data, everything: ${(patch.wallSeconds / token.wallSeconds).toFixed(3)}`,
)
