import { execFileSync } from 'node:child_process'
import fs, {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { Module, syncBuiltinESMExports } from 'node:module'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../lib/data/tokenizer/load.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { expectSafe } from './expect-safe.js'
import { parsers } from './parsers.js'

/* What lies in a folder from elsewhere need not be a file. */

const onLinux = process.platform === 'linux'
const parserOf = (name: string) => parsers.find((parser) => parser.name === name)!

/** metrics.jsonl is read with the run's own folder in hand; its reader is listed in docs/fuzzing.md. */
const files = parsers.filter(({ name }) => name !== 'metrics.jsonl')

describe.runIf(onLinux).each(files.map((parser) => [parser.name, parser] as const))(
  'in the place of %s',
  (_, parser) => {
    test.each([
      ['a pipe', (file: string) => void execFileSync('mkfifo', [file])],
      ['a link to a device without end', (file: string) => symlinkSync('/dev/zero', file)],
      ['a link to itself', (file: string) => symlinkSync(file, file)],
      ['a link to nowhere', (file: string) => symlinkSync('nowhere', file)],
      ['a folder', (file: string) => void mkdirSync(file)],
    ])('%s is refused at once', async (_kind, put) => {
      const file = await parser.make(temporaryFolder())
      rmSync(file)
      put(file)
      expect(await expectSafe(() => parser.read(file))).toBeDefined()
    })
  },
)

describe.runIf(onLinux)('a token set', () => {
  test.each(['manifest of token shards', 'token shard'])(
    'whose %s is a link out of its folder is refused',
    async (name) => {
      const folder = temporaryFolder()
      const file = await parserOf(name).make(folder)
      const elsewhere = join(folder, 'elsewhere')
      cpSync(file, elsewhere)
      rmSync(file)
      symlinkSync(elsewhere, file)
      expect((await expectSafe(() => parserOf(name).read(file)))?.message).toMatch(/not a regular file/)
    },
  )

  test('does not have a file written that a link in it names', async () => {
    const folder = temporaryFolder()
    const manifest = await parserOf('manifest of token shards').make(folder)
    const precious = join(folder, 'precious')
    writeFileSync(precious, 'mine')
    symlinkSync(precious, join(dirname(manifest), 'verified.json'))
    await parserOf('manifest of token shards').read(manifest)
    expect(readFileSync(precious, 'utf8')).toBe('mine')
  })
})

test('a secret that a link beside a tokenizer names does not get into an export', async () => {
  const folder = temporaryFolder()
  const file = await parserOf('tokenizer.model').make(folder)
  writeFileSync(join(folder, 'secret'), '-----BEGIN PRIVATE KEY-----\n')
  symlinkSync('secret', join(folder, 'special_tokens_map.json'))
  const tokenizer = await loadTokenizer(file)
  expect((await expectSafe(() => tokenizer.files()))?.message).toMatch(
    /special_tokens_map.json cannot be used/,
  )
  tokenizer.dispose()
})

describe('code in a model folder', () => {
  const opened: string[] = []
  const undo: (() => void)[] = []
  afterEach(() => {
    while (undo.length > 0) undo.pop()!()
    syncBuiltinESMExports()
  })

  /** Has every call of `owner[name]` leave its first argument in `opened`. */
  function watch(owner: object, name: string): void {
    const functions = owner as Record<string, (...args: unknown[]) => unknown>
    const original = functions[name]!
    functions[name] = function (this: unknown, ...args: unknown[]) {
      const path = args.find((arg) => typeof arg === 'string' || arg instanceof URL)
      if (path !== undefined) opened.push(String(path))
      return original.apply(this, args)
    }
    undo.push(() => (functions[name] = original))
  }

  test('is not even opened', async () => {
    const folder = dirname(await parserOf('config.json of a model').make(temporaryFolder()))
    cpSync(await parserOf('tokenizer.model').make(temporaryFolder()), join(folder, 'tokenizer.model'))
    const trap = join(folder, 'trapped')
    const javascript = `require('node:fs').writeFileSync(${JSON.stringify(trap)}, '')`
    const code: Record<string, string> = {
      'package.json': JSON.stringify({ main: 'index.js', type: 'commonjs', exports: './index.js' }),
      'index.js': javascript,
      'config.js': javascript,
      'config.json.js': javascript,
      'tokenizer.js': javascript,
      'model.cjs': javascript,
      'model.mjs': javascript,
      'modeling_llama.py': 'open("trapped", "w")',
      'tokenizer.py': 'open("trapped", "w")',
      'model.node': '\u007fELF',
      'libmodel.so': '\u007fELF',
      'patchtrain-cpu-avx2.so': '\u007fELF',
      'pytorch_model.bin': '\u0080\u0002cos\nsystem\n',
    }
    for (const [name, content] of Object.entries(code)) writeFileSync(join(folder, name), content)

    for (const name of ['open', 'openSync', 'readFile', 'readFileSync', 'createReadStream']) watch(fs, name)
    for (const name of ['open', 'readFile']) watch(fs.promises, name)
    watch(process, 'dlopen')
    watch(Module, '_load')
    syncBuiltinESMExports()
    const model = await HuggingFaceModel.open(folder)
    await model.load(() => {})
    await model.close()
    const tokenizer = await loadTokenizer(folder)
    tokenizer.encode('text')
    await tokenizer.files()
    tokenizer.dispose()

    const inside = [
      ...new Set(
        opened.filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length + 1)),
      ),
    ]
    expect(inside.sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.model'])
    expect(existsSync(trap)).toBe(false)
    expect(readdirSync(folder)).not.toContain('trapped')
  })
})
