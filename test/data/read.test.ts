import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import type { Document } from '../../lib/data/read/document.js'
import { readDocuments } from '../../lib/data/read/documents.js'
import type { ReadOptions } from '../../lib/data/read/documents.js'
import { expandBraces, expandInputs } from '../../lib/data/read/glob.js'
import { decodeUtf8, wholeCharacters } from '../../lib/data/read/utf8.js'
import { DataError } from '../../lib/errors.js'
import { sharedData } from '../helpers/shared-data.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'
import { rawFrame } from '../helpers/zstd-frames.js'

/** Writes `content` as `name` and reads it back as documents. */
async function read(
  name: string,
  content: string | Uint8Array,
  options: ReadOptions = {},
): Promise<Document[]> {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, content)
  return readAll([file], options)
}

async function readAll(files: string[], options: ReadOptions = {}): Promise<Document[]> {
  const documents: Document[] = []
  for await (const document of readDocuments(files, options)) documents.push(document)
  return documents
}

const texts = (documents: Document[]) => documents.map(({ text }) => text)

describe('text files', () => {
  test('a file is one document, as it is', async () => {
    const text = 'one\r\n\n  two: é 漢 😀\n'
    const [document, ...more] = await read('a.txt', text)
    expect(document).toMatchObject({ text, continued: false })
    expect(more).toEqual([])
  })

  test('a long file comes in pieces of a few MiB, cut at line ends, and loses nothing', async () => {
    const line = 'sixteen bytes é\n'
    const text = line.repeat(700_000)
    const pieces = await read('long.txt', text)
    expect(pieces.length).toBeGreaterThan(2)
    expect(texts(pieces).join('') === text).toBe(true)
    expect(pieces.every((piece) => piece.text.endsWith('\n') && piece.text.length < 5e6)).toBe(true)
    expect(pieces.map(({ continued }) => continued)).toEqual(pieces.map((_, i) => i > 0))
  })

  test('a long file without line ends is cut between characters', async () => {
    const text = '漢'.repeat(3_000_000)
    expect(texts(await read('wide.txt', text)).join('') === text).toBe(true)
  })

  test('a byte order mark is no part of the text', async () => {
    expect(texts(await read('mark.txt', '\ufefftext'))).toEqual(['text'])
    expect(texts(await read('mark.jsonl', '\ufeff{"text":"a"}\n'))).toEqual(['a'])
  })

  test('bytes that are not UTF-8 are named by their offset', async () => {
    await expect(read('latin.txt', Buffer.from('caf\xe9 au lait', 'latin1'))).rejects.toThrow(
      /latin\.txt is not UTF-8 at byte 3: found 0xe9\. .*iconv/,
    )
    await expect(read('cut.txt', Buffer.from('caf\u00e9').subarray(0, 4))).rejects.toThrow('at byte 3')
    await expect(read('wide.txt', Buffer.from('\ufeffab', 'utf16le'))).rejects.toThrow('looks like UTF-16')
    const long = Buffer.concat([Buffer.alloc(9_000_000, 'a\n'), Buffer.of(0x61, 0xff, 0x61)])
    await expect(read('long.txt', long)).rejects.toThrow('at byte 9000001')
  })
})

describe('JSON lines', () => {
  test('a line is a document, and its line is known', async () => {
    const documents = await read(
      'a.jsonl',
      '{"text":"one"}\r\n\n{"meta":1,"text":"t\\nwo"}\n{"text":""}\n{"text":"four"}',
    )
    expect(texts(documents)).toEqual(['one', 't\nwo', 'four'])
    expect(documents.map(({ source }) => source.line)).toEqual([1, 3, 5])
  })

  test('lines of any length come through chunks of any size', async () => {
    const lines = Array.from({ length: 60 }, (_, i) => 'é'.repeat(i * 1500))
    const content = lines.map((text) => JSON.stringify({ text }) + '\n').join('')
    expect(texts(await read('a.jsonl', content))).toEqual(lines.filter((line) => line !== ''))
    const compressed = rawFrame(Buffer.from(content), { blockBytes: 777 })
    expect(texts(await read('a.jsonl.zst', compressed))).toEqual(lines.filter((line) => line !== ''))
  })

  test('another field can hold the text', async () => {
    expect(texts(await read('a.ndjson', '{"content":"x"}', { textField: 'content' }))).toEqual(['x'])
    const inherited = read('a.ndjson', '{"content":"x"}', { textField: 'constructor' })
    await expect(inherited).rejects.toThrow('has no field "constructor"')
  })

  test.each([
    ['{"text": "a"}\n{"text": oops}\n', /line 2 is not JSON/],
    ['[\n{"text":"a"}]\n', /line 1 is not JSON.*one JSON array/],
    ['{"text":"a"}\n3\n', /line 2 holds a number, not a JSON object/],
    ['null\n', /line 1 holds null/],
    ['["a"]\n', /line 1 holds an array/],
    ['{"txet":"a","id":1}\n', /line 1 has no field "text"; it has "txet", "id"\. Did you mean "txet"\?/],
    ['{}\n', /it has none\. Name the field/],
    ['{"text":["a"]}\n', /field "text" of line 1 is an array, not a string/],
    ['\n \n', /holds no text/],
  ])('%j is refused with file and line', async (content, message) => {
    await expect(read('bad.jsonl', content)).rejects.toThrow(message)
    await expect(read('bad.jsonl', content)).rejects.toMatchObject({ code: 'ERR_DATA', file: /bad\.jsonl$/ })
  })

  test('bytes that are not UTF-8 are named by offset and line', async () => {
    const content = Buffer.concat([
      Buffer.from('{"text":"a"}\n{"text":"'),
      Buffer.of(0xc0, 0x80),
      Buffer.from('"}'),
    ])
    await expect(read('a.jsonl', content)).rejects.toThrow('not UTF-8 at byte 22 (line 2): found 0xc0')
  })

  test('nothing is read ahead of what is asked for', async () => {
    const file = join(temporaryFolder(), 'large.jsonl')
    writeFileSync(file, `${JSON.stringify({ text: 'x'.repeat(1000) })}\n`.repeat(10_000))
    let bytes = 0
    const documents = readDocuments([file], { onRead: (count) => (bytes += count) })
    await documents.next()
    expect(bytes).toBeLessThan(1e6)
    await documents.return()
  })

  test('a signal stops the reading', async () => {
    const stop = AbortSignal.abort(new Error('enough'))
    await expect(read('a.jsonl', '{"text":"a"}', { signal: stop })).rejects.toThrow('enough')
  })

  const tiny = sharedData('pretrain/minipile_tiny.jsonl.zst')
  test.skipIf(!tiny)('the tiny mini-pile has its 234 documents and 1,756,211 bytes', async () => {
    const found = texts(await readAll([tiny!]))
    expect(found.length).toBe(234)
    expect(found.reduce((sum, text) => sum + Buffer.byteLength(text), 0)).toBe(1_756_211)
  })
})

describe('files that cannot be read', () => {
  test('empty, missing, a folder, of unknown kind, damaged', async () => {
    const folder = temporaryFolder()
    await expect(read('empty.txt', '')).rejects.toThrow(/empty\.txt holds no text/)
    await expect(read('empty.jsonl.zst', '')).rejects.toThrow(/holds no text/)
    await expect(readAll([join(folder, 'none.txt')])).rejects.toThrow(/none\.txt does not exist/)
    mkdirSync(join(folder, 'folder.txt'))
    await expect(readAll([join(folder, 'folder.txt')])).rejects.toThrow(/is a folder/)
    await expect(read('a.pdf', 'x')).rejects.toThrow(/cannot tell the format/)
    await expect(read('a.constructor', 'x')).rejects.toThrow(/cannot tell the format/)
    const cut = rawFrame(Buffer.from('{"text":"a"}\n'.repeat(1000))).subarray(0, 5000)
    await expect(read('cut.jsonl.zst', cut)).rejects.toThrow(
      /cut\.jsonl\.zst: zstd data is damaged before byte 5000/,
    )
    expect(texts(await read('notes.md', 'x', { format: 'text' }))).toEqual(['x'])
  })

  test.skipIf(process.getuid?.() === 0)('without permission', async () => {
    const file = join(temporaryFolder(), 'secret.txt')
    writeFileSync(file, 'x')
    chmodSync(file, 0)
    await expect(readAll([file])).rejects.toThrow(/may not be read/)
  })
})

describe('patterns', () => {
  function tree(...files: string[]): string {
    const folder = temporaryFolder()
    for (const file of files) {
      mkdirSync(join(folder, file, '..'), { recursive: true })
      writeFileSync(join(folder, file), 'x')
    }
    return folder
  }
  const matches = async (folder: string, ...patterns: string[]) =>
    (await expandInputs(patterns.map((pattern) => join(folder, pattern)))).map((file) =>
      file.slice(folder.length + 1),
    )

  test('*, ?, ** and {a,b} name files, sorted', async () => {
    const folder = tree(
      'b.txt',
      'a.txt',
      'ab.txt',
      'x.jsonl',
      'd/c.txt',
      'd/e/f.txt',
      '.hidden/g.txt',
      'd/.h.txt',
    )
    expect(await matches(folder, '*.txt')).toEqual(['a.txt', 'ab.txt', 'b.txt'])
    expect(await matches(folder, '?.txt')).toEqual(['a.txt', 'b.txt'])
    expect(await matches(folder, '**/*.txt')).toEqual(['a.txt', 'ab.txt', 'b.txt', 'd/c.txt', 'd/e/f.txt'])
    expect(await matches(folder, '**')).toEqual([
      'a.txt',
      'ab.txt',
      'b.txt',
      'd/c.txt',
      'd/e/f.txt',
      'x.jsonl',
    ])
    expect(await matches(folder, '*.{jsonl,txt}')).toEqual(['a.txt', 'ab.txt', 'b.txt', 'x.jsonl'])
    expect(await matches(folder, '{d,none}/**/{c,f}.txt')).toEqual(['d/c.txt', 'd/e/f.txt'])
    expect(await matches(folder, '*/.h*')).toEqual(['d/.h.txt'])
  })

  test('patterns keep their order and a file comes once', async () => {
    const folder = tree('a.txt', 'b.txt', 'c.txt')
    expect(await matches(folder, 'c.txt', '*.txt', 'b.txt')).toEqual(['c.txt', 'a.txt', 'b.txt'])
  })

  test('a path that exists is taken literally', async () => {
    const folder = tree('what?{1}.txt', 'whatX1.txt', 'a+b(1).txt')
    expect(await matches(folder, 'what?{1}.txt')).toEqual(['what?{1}.txt'])
    expect(await matches(folder, 'a+b(*).txt')).toEqual(['a+b(1).txt'])
  })

  test('a link in a circle ends, a link to a file counts', async () => {
    const folder = tree('d/a.txt')
    symlinkSync('..', join(folder, 'd', 'up'))
    symlinkSync(join('d', 'a.txt'), join(folder, 'link.txt'))
    expect(await matches(folder, '**/*.txt')).toEqual(['d/a.txt', 'link.txt'])
  })

  test('a pattern without files says how far its path exists and what was near', async () => {
    const folder = tree('data/train.jsonl')
    await expect(matches(folder, 'data/trian.jsonl')).rejects.toThrow(
      /nearest folder that exists is .*data\. Did you mean .*train\.jsonl\?/,
    )
    await expect(matches(folder, 'nowhere/deep/*.txt')).rejects.toThrow(`exists is ${folder}.`)
    await expect(matches(folder, 'data')).rejects.toThrow(/is a folder\. Name files or a pattern/)
    await expect(matches(folder, '{a.txt')).rejects.toThrow(/does not close it/)
    await expect(expandInputs([])).rejects.toBeInstanceOf(DataError)
  })

  test('braces nest and repeat', () => {
    expect(expandBraces('{a,b{c,d}}x{1,2}')).toEqual(['ax1', 'ax2', 'bcx1', 'bcx2', 'bdx1', 'bdx2'])
    expect(expandBraces('a{,b}')).toEqual(['a', 'ab'])
  })
})

test('the offset of broken UTF-8 is where the broken character starts', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom([0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x80]),
      (start, bad) => {
        const good = Buffer.from(start)
        const bytes = Buffer.concat([good, Buffer.from(bad), Buffer.from('tail')])
        expect(() => decodeUtf8(bytes, 'f', 0)).toThrow(`at byte ${good.length}:`)
      },
    ),
  )
})

test('text cut anywhere keeps its whole characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, cut) => {
      const bytes = Buffer.from(text)
      const start = bytes.subarray(0, cut % (bytes.length + 1))
      const whole = wholeCharacters(start)
      expect(start.length - whole).toBeLessThan(4)
      expect(text.startsWith(start.subarray(0, whole).toString())).toBe(true)
    }),
  )
})
