import { TokenSet } from '../../data/shards/token-set.js'
import { bytes, grouped } from '../../report/format.js'
import { table } from '../../report/table.js'
import { fields, type Finding } from './finding.js'

/** Opens the set as training does, so heads and sizes of all shards are checked on the way. */
export async function inspectTokens(folder: string): Promise<Finding> {
  const set = await TokenSet.open(folder)
  await set.close()
  const { manifest, fingerprint } = set
  const { tokenizer, marks, tokens, documents, type, shards, sources } = manifest
  const marked = [marks.bos ? 'BOS before' : '', marks.eos ? 'EOS after' : ''].filter(Boolean)
  return {
    text: [
      fields([
        ['token set', folder],
        ['tokenizer', `${tokenizer.name}, ${grouped(tokenizer.vocabSize)} entries`],
        ['tokens', `${grouped(tokens)} (${type})`],
        ['documents', `${grouped(documents)}, ${marked.join(', ') || 'unmarked'}`],
        [
          'made from',
          `${grouped(sources.length)} files, ${bytes(sources.reduce((sum, source) => sum + source.bytes, 0))}`,
        ],
        ['fingerprint', fingerprint],
      ]),
      table(
        [
          { title: 'shard' },
          { title: 'tokens', right: true },
          { title: 'size', right: true },
          { title: 'sha256' },
        ],
        shards.map((shard) => [
          shard.file,
          grouped(shard.tokens),
          bytes(shard.bytes),
          shard.sha256.slice(0, 16),
        ]),
      ),
    ].join('\n\n'),
    json: { kind: 'tokens', path: folder, fingerprint, manifest },
  }
}
