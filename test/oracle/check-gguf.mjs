// node check-gguf.mjs PACKAGES FILE REQUEST.json: what llama.cpp (node-llama-cpp) and @huggingface/gguf say of FILE, as
// JSON on stdout. PACKAGES is a folder in which both were installed with npm.
//
// REQUEST.json is {"texts": ["…"], "ids": [1, …]}. The answer: `tokenized`, the ids of each text without BOS;
// `logProbabilities`, ln p of every token after each of `ids`; `metadata` and `tensors` as @huggingface/gguf reads them.
// The cache of keys and values is fp32, so that what differs is the weights and llama.cpp's products with them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [packages, file, request] = process.argv.slice(2)
const load = (path) => import(pathToFileURL(join(packages, 'node_modules', path)).href)
const { texts, ids } = JSON.parse(readFileSync(request, 'utf8'))

const { gguf } = await load('@huggingface/gguf/dist/index.mjs')
const { metadata, tensorInfos } = await gguf(file, { allowLocalFile: true })

const { getLlama, LlamaLogLevel } = await load('node-llama-cpp/dist/index.js')
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error })
const model = await llama.loadModel({ modelPath: file })
const context = await model.createContext({
  contextSize: 256,
  batchSize: ids.length,
  experimentalKvCacheKeyType: 'F32',
  experimentalKvCacheValueType: 'F32',
  flashAttention: false,
})
const options = { generateNext: { probabilities: true } }
const answers = await context.getSequence().controlledEvaluate(ids.map((id) => [id, options]))
const logProbabilities = answers.map(({ next }) => {
  const byId = new Array(next.probabilities.size).fill(null)
  for (const [id, p] of next.probabilities) byId[id] = Math.log(p)
  return byId
})
const plain = (value) => (typeof value === 'bigint' ? Number(value) : value)
process.stdout.write(
  JSON.stringify(
    {
      tokenized: texts.map((text) => model.tokenize(text)),
      logProbabilities,
      metadata,
      tensors: tensorInfos.map(({ name, shape, dtype }) => ({ name, shape, dtype })),
    },
    (_, value) => plain(value),
  ),
)
await model.dispose()
