// jax-js as a contender: node jax-js.js FOLDER '<task as JSON>', see protocol.ts. FOLDER is where it is installed.
import { beBrowser } from './browser.js'
import type { Jax } from './jax-js-api.js'
import { prepareJaxStep } from './jax-js-step.js'
import { contend } from './node-contender.js'
import { loadPackage } from './node-package.js'

await contend(async (task) => {
  beBrowser(task.threads) // it counts the cores when it is loaded
  const { exports, version } = loadPackage(process.argv.at(-2)!, '@jax-js/jax')
  return { run: prepareJaxStep(exports as Jax, task), values: [], versions: { 'jax-js': version } }
})
