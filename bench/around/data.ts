// The way of text to batches: reading, tokenizing, writing token shards, loading batches from the page cache.
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { Loader } from '../../lib/data/loader.js'
import { readDocuments } from '../../lib/data/read/documents.js'
import { TokenSetWriter } from '../../lib/data/shards/set-writer.js'
import { TokenSet } from '../../lib/data/shards/token-set.js'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import type { Tokenizer } from '../../lib/data/tokenizer/tokenizer.js'
import { decompress } from '../../lib/data/zstd/decompress.js'
import { packageRoot } from '../../lib/native/load.js'
import { integers } from '../../test/helpers/random-data.js'
import { lastParts } from '../command-line.js'
import { Shared } from './shared.js'
import { timed, type AroundSpec } from './subject.js'

const million = 1e6
const vocabulary = 32_000

export const scratchFolder = () =>
  new Shared(
    () => mkdtempSync(join(tmpdir(), 'patchtrain-bench-')),
    (folder) => rmSync(folder, { recursive: true, force: true }),
  )

/** Random tokens in shards; the rows about loading read the file that the row about writing wrote. */
export function tokenShards(folder: Shared<string>): AroundSpec[] {
  const tokens = 16 * million
  const ids = integers(million, vocabulary, 1)
  let written = 0
  const write = async () => {
    const path = join(await folder.get(), `tokens-${++written}`)
    const tokenizer = { name: 'random', fingerprint: '', vocabSize: vocabulary, bosId: 1, eosId: 2 }
    const writer = await TokenSetWriter.create(path, { type: 'uint16', shardTokens: 2 ** 25, tokenizer })
    for (let done = 0; done < tokens; done += ids.length) await writer.append(ids, true)
    await writer.commit({ key: '0'.repeat(64), marks: { bos: true, eos: false }, sources: [] })
    return path
  }
  const set = new Shared(write, () => undefined)
  const writing: AroundSpec = {
    name: 'write token shards',
    sizes: `${tokens / million} M tokens`,
    follows: 'disk',
    unit: 'tokens',
    measure: async ({ aroundRuns }) =>
      timed(aroundRuns, 0, async () => {
        await write()
        return tokens
      }),
  }
  // B, S and the S of another stage, which decides how much lies together.
  return [writing, loading(set, 32, 8192, 2048), loading(set, 8, 1024, 256)]
}

function loading(path: Shared<string>, sequences: number, sequenceTokens: number, other: number): AroundSpec {
  const batches = Math.ceil((8 * million) / (sequences * sequenceTokens))
  return {
    name: 'loader',
    sizes: `B${sequences} S${sequenceTokens} beside S${other}`,
    follows: 'compute',
    unit: 'tokens',
    note: 'from the page cache',
    measure: async ({ aroundRuns }) => {
      const set = await TokenSet.open(await path.get())
      const loader = new Loader({ source: set, seed: 1, sequenceTokens: [sequenceTokens, other] })
      try {
        return await timed(aroundRuns, 1, async () => {
          let read = 0
          for await (const batch of loader.stream({ firstSample: 0, sequences, sequenceTokens, batches }))
            read += batch.ids.length
          return read
        })
      } finally {
        await set.close()
      }
    },
  }
}

export function jsonLines(folder: Shared<string>): AroundSpec {
  const file = new Shared(
    async () => {
      const path = join(await folder.get(), 'text.jsonl')
      const words = Array.from(integers(400, 1e9, 2), (n) => n.toString(36)).join(' ')
      writeFileSync(path, `${JSON.stringify({ text: words })}\n`.repeat(10_000))
      return path
    },
    () => undefined,
  )
  return {
    name: 'read JSON lines',
    sizes: 'of 2.7 kB',
    follows: 'compute',
    unit: 'B',
    note: 'from the page cache',
    measure: async ({ aroundRuns }) => {
      const path = await file.get()
      return timed(aroundRuns, 1, async () => {
        let characters = 0
        for await (const { text } of readDocuments([path])) characters += text.length
        if (characters === 0) throw new Error(`${path} has no text`)
        return statSync(path).size
      })
    },
  }
}

export function zstd(path: string): AroundSpec {
  return {
    name: 'decode zstd',
    sizes: lastParts(path),
    follows: 'compute',
    unit: 'B',
    note: 'bytes that come out',
    measure: async ({ aroundRuns }) => {
      const compressed = readFileSync(path)
      return timed(aroundRuns, 1, async () => {
        let bytes = 0
        for await (const part of decompress(Readable.from([compressed]), path)) bytes += part.length
        return bytes
      })
    },
  }
}

const corpus = 'data/tinyshakespeare.txt'

/** @param threads undefined: it works on the calling thread */
export function tokenizing(tokenizer: Shared<Tokenizer>, what: string, threads?: number): AroundSpec {
  return {
    name: 'tokenize',
    sizes: `${what}, 4 × Shakespeare`,
    ...(threads !== undefined && { threads }),
    follows: 'compute',
    unit: 'B',
    measure: async ({ aroundRuns }) => {
      const { texts, bytes } = shakespeare()
      const made = await tokenizer.get()
      return timed(aroundRuns, 1, async () => {
        const { ids } = await made.encodeDocuments(texts, threads === undefined ? {} : { threads })
        if (ids.length === 0) throw new Error('no tokens came out')
        return bytes
      })
    },
  }
}

/** @param spec a tokenizer file, or `bytes` */
export const tokenizerOf = (spec: string) =>
  new Shared(
    () => loadTokenizer(spec === 'bytes' ? spec : resolve(spec)),
    (made) => made.dispose(),
  )

/** Four times the corpus, as documents of some 16 kB. */
function shakespeare(): { texts: string[]; bytes: number } {
  const text = readFileSync(join(packageRoot(), corpus), 'utf8')
  const documents = text.match(/[^]{1,16384}(?:\n|$)/g)!
  return {
    texts: [documents, documents, documents, documents].flat(),
    bytes: 4 * Buffer.byteLength(documents.join('')),
  }
}
