// npm run build && node build/bench/data.js
// Speed of the data path on random tokens and text: reading batches, writing shards, reading JSON lines, decoding zstd.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { Loader } from '../lib/data/loader.js'
import { readDocuments } from '../lib/data/read/documents.js'
import { TokenSetWriter } from '../lib/data/shards/set-writer.js'
import { TokenSet } from '../lib/data/shards/token-set.js'
import { decompress } from '../lib/data/zstd/decompress.js'
import { integers } from '../test/helpers/random-data.js'
import { summary } from './measure.js'

const MILLION = 1e6
const tokens = 64 * MILLION
const folder = mkdtempSync(join(tmpdir(), 'patchtrain-bench-'))
try {
  await measureShards()
  await measureText()
  if (process.argv[2]) await measureZstd(process.argv[2])
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function measureShards(): Promise<void> {
  const ids = integers(MILLION, 32_000, 1)
  const tokenizer = { name: 'random', fingerprint: '', vocabSize: 32_000, bosId: 1, eosId: 2 }
  const path = join(folder, 'tokens')
  await report('write shards', 'M tokens/s', 1, async () => {
    const writer = await TokenSetWriter.create(path, { type: 'uint16', shardTokens: 2 ** 25, tokenizer })
    for (let written = 0; written < tokens; written += ids.length) await writer.append(ids, true)
    await writer.commit({ key: '0'.repeat(64), marks: { bos: true, eos: false }, sources: [] })
    return tokens
  })

  const set = await TokenSet.open(path)
  // B, S and the S of another stage, which decides how much lies together.
  for (const [sequences, sequenceTokens, other] of [
    [32, 8192, 2048],
    [128, 2048, 8192],
    [128, 2048, 2048],
    [8, 1024, 256],
    [32, 256, 256],
  ] as const) {
    const loader = new Loader({ source: set, seed: 1, sequenceTokens: [sequenceTokens, other] })
    const blocks = loader.order.blockTokens
    await report(
      `load B ${sequences}, S ${sequenceTokens}, blocks of ${blocks}`,
      'M tokens/s',
      5,
      async () => {
        let read = 0
        const batches = Math.ceil((20 * MILLION) / (sequences * sequenceTokens))
        for await (const batch of loader.stream({ firstSample: 0, sequences, sequenceTokens, batches })) {
          read += batch.ids.length
        }
        return read
      },
    )
  }
  await set.close()
}

async function measureText(): Promise<void> {
  const file = join(folder, 'text.jsonl')
  const words = Array.from(integers(400, 1e9, 2), (n) => n.toString(36)).join(' ')
  writeFileSync(file, `${JSON.stringify({ text: words })}\n`.repeat(20_000))
  await report('read JSON lines', 'MB/s', 5, async () => {
    let characters = 0
    for await (const { text } of readDocuments([file])) characters += text.length
    return characters
  })
}

async function measureZstd(file: string): Promise<void> {
  const compressed = readFileSync(file)
  await report(`decode ${file}`, 'MB/s', 3, async () => {
    let bytes = 0
    for await (const part of decompress(Readable.from([compressed]), file)) bytes += part.length
    return bytes
  })
}

/** Prints the median speed of `runs` runs; `work` returns how much it did. */
async function report(name: string, unit: string, runs: number, work: () => Promise<number>): Promise<void> {
  let amount = 0
  const seconds: number[] = []
  for (let run = 0; run < runs; run++) {
    const start = performance.now()
    amount = await work()
    seconds.push((performance.now() - start) / 1000)
  }
  const { seconds: median, spread } = summary(seconds)
  const speed = (amount / MILLION / median).toFixed(0).padStart(6)
  console.log(`${name.padEnd(44)} ${speed} ${unit}  ± ${(spread * 50).toFixed(0)} %`)
}
