import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from '../helpers/property.js'
import { describe, expect, test } from 'vitest'
import { dtypeBytes, type Dtype } from '../../lib/checkpoint/dtype.js'
import { bytesOf, readPieces } from '../../lib/checkpoint/region.js'
import { SafetensorsFile, writeSafetensors, type TensorSource } from '../../lib/checkpoint/safetensors.js'
import { CheckpointError } from '../../lib/errors.js'
import { readerOf } from './fixture.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

const newPath = () => join(temporaryFolder(), 'x.safetensors')

async function bytesOfTensor(file: SafetensorsFile, name: string): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of file.read(name)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces)
}

/** A file with the given header text and `dataBytes` zeros. */
function fileWith(header: string, dataBytes: number): Buffer {
  const json = Buffer.from(header)
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)])
}

async function openBytes(bytes: Uint8Array): Promise<SafetensorsFile> {
  const path = newPath()
  await writeFile(path, bytes)
  return SafetensorsFile.open(path)
}

const pattern = (bytes: number, seed: number) =>
  Uint8Array.from({ length: bytes }, (_, i) => (i * 31 + seed) & 255)

describe('round trip', () => {
  test('every dtype, empty tensors, scalars, unusual names and metadata come back', async () => {
    const path = newPath()
    const tensors: TensorSource[] = (Object.keys(dtypeBytes) as Dtype[]).map((dtype, i) => {
      return { name: `t.${dtype}`, dtype, shape: [3, 5], data: pattern(15 * dtypeBytes[dtype], i) }
    })
    tensors.push({ name: 'scalar', dtype: 'F32', shape: [], data: pattern(4, 1) })
    tensors.push({ name: 'empty', dtype: 'F32', shape: [0, 4], data: new Uint8Array() })
    for (const name of ['__proto__', 'constructor', '7', 'é"\\\n']) {
      tensors.push({ name, dtype: 'U8', shape: [2], data: pattern(2, name.length) })
    }
    const written = await writeSafetensors(path, tensors, { format: 'pt', note: 'ü' })

    const content = await readFile(path)
    expect(written).toEqual({
      bytes: content.length,
      sha256: createHash('sha256').update(content).digest('hex'),
    })
    const file = await SafetensorsFile.open(path)
    expect(Object.fromEntries(file.metadata)).toEqual({ format: 'pt', note: 'ü' })
    expect(file.tensors.size).toBe(tensors.length)
    for (const { name, dtype, shape, data } of tensors) {
      expect(file.tensors.get(name)).toMatchObject({ name, dtype, shape })
      expect(await bytesOfTensor(file, name)).toEqual(Buffer.from(data as Uint8Array))
    }
    await file.close()
    await file.close()
  })

  test('the header ends at a multiple of 8 and every tensor starts at a multiple of its element size', async () => {
    const path = newPath()
    await writeSafetensors(path, [
      { name: 'a', dtype: 'U8', shape: [3], data: pattern(3, 0) },
      { name: 'b', dtype: 'F16', shape: [1], data: pattern(2, 0) },
      { name: 'c', dtype: 'F64', shape: [1], data: pattern(8, 0) },
      { name: 'd', dtype: 'F32', shape: [1], data: pattern(4, 0) },
    ])
    const file = await SafetensorsFile.open(path)
    expect((await readFile(path)).readBigUInt64LE() % 8n).toBe(0n)
    for (const { begin, dtype } of file.tensors.values()) expect(begin % dtypeBytes[dtype]).toBe(0)
    await file.close()
  })

  test('a tensor larger than a piece is written and read piece by piece', async () => {
    const path = newPath()
    const values = Float32Array.from({ length: 700_001 }, (_, i) => i)
    const pieces = async function* () {
      for await (const piece of readPieces(readerOf(values), 0, values.length)) yield bytesOf(piece)
    }
    await writeSafetensors(path, [{ name: 'x', dtype: 'F32', shape: [700_001], data: pieces() }])
    const file = await SafetensorsFile.open(path)
    const lengths: number[] = []
    const back = new Float32Array(values.length)
    let at = 0
    for await (const piece of file.readFloat32('x')) {
      back.set(piece, at)
      at += piece.length
      lengths.push(piece.length)
    }
    await file.close()
    expect(lengths).toEqual([262144, 262144, 175713])
    expect(Buffer.from(bytesOf(back)).equals(bytesOf(values))).toBe(true)
  })

  test('a source that gives more or less than its shape is refused', async () => {
    for (const bytes of [3, 5]) {
      const source: TensorSource = { name: 'x', dtype: 'F32', shape: [1], data: pattern(bytes, 0) }
      await expect(writeSafetensors(newPath(), [source])).rejects.toThrow(RangeError)
    }
  })

  test('equal names and the name of the metadata are refused', async () => {
    const source: TensorSource = { name: 'x', dtype: 'U8', shape: [1], data: pattern(1, 0) }
    await expect(writeSafetensors(newPath(), [source, source])).rejects.toThrow(RangeError)
    const reserved = { ...source, name: '__metadata__' }
    await expect(writeSafetensors(newPath(), [reserved])).rejects.toThrow(RangeError)
  })
})

describe('hostile files', () => {
  const entry = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
  test.each<[string, string, number, RegExp]>([
    ['a hole in front', '{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', 2, /hole/],
    ['a hole at the end', `{"a":${entry}}`, 5, /end at byte/],
    ['data cut off', `{"a":${entry}}`, 3, /end at byte/],
    ['an overlap', `{"a":${entry},"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}}`, 5, /overlaps/],
    ['two tensors in one place', `{"a":${entry},"b":${entry}}`, 4, /overlaps/],
    ['a name twice', `{"a":${entry},"a":${entry}}`, 4, /twice/],
    ['a name twice, once escaped', `{"a":${entry},"\\u0061" :${entry}}`, 4, /twice/],
    ['a field twice', '{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', 4, /twice/],
    [
      'bytes that do not fit the shape',
      '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
      4,
      /needs 8/,
    ],
    ['bytes beyond the shape', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}', 8, /needs 4/],
    ['an unknown type', '{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}', 4, /F31/],
    [
      'a type from the prototype',
      '{"a":{"dtype":"toString","shape":[1],"data_offsets":[0,4]}}',
      4,
      /toString/,
    ],
    [
      'a shape whose size overflows',
      '{"a":{"dtype":"U8","shape":[9007199254740991,4096],"data_offsets":[0,4]}}',
      4,
      /needs/,
    ],
    ['a negative size', '{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4, /shape/],
    ['a size that is no integer', '{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}', 4, /shape/],
    [
      'a shape that is no list',
      '{"a":{"dtype":"F32","shape":{"length":0},"data_offsets":[0,4]}}',
      4,
      /shape/,
    ],
    ['offsets backwards', '{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}', 4, /range/],
    ['one offset', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}', 4, /data_offsets/],
    ['a missing field', '{"a":{"dtype":"F32","shape":[1]}}', 4, /exactly/],
    ['an unknown field', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}', 4, /exactly/],
    ['a field by way of the prototype', `{"a":{"__proto__":${entry}}}`, 4, /exactly/],
    ['metadata that is no object', `{"__metadata__":[],"a":${entry}}`, 4, /metadata/],
    ['metadata that is one text', `{"__metadata__":"x","a":${entry}}`, 4, /metadata/],
    ['metadata that is no text', `{"__metadata__":{"a":1},"a":${entry}}`, 4, /metadata/],
    ['a list', '[]', 0, /JSON object/],
    ['null', 'null', 0, /JSON object/],
    ['nothing', '', 0, /not valid JSON/],
    ['space in front', ' {}', 0, /JSON object/],
    ['a byte order mark', '\ufeff{}', 0, /not valid JSON/],
    ['deep nesting', '{"a":'.repeat(200_000), 0, /not valid JSON/],
    ['deep nesting that is closed', '['.repeat(200_000) + ']'.repeat(200_000), 0, /not valid JSON/],
  ])('%s is refused', async (_, header, dataBytes, message) => {
    const opened = openBytes(fileWith(header, dataBytes))
    await expect(opened).rejects.toThrow(CheckpointError)
    await expect(opened).rejects.toMatchObject({
      code: 'ERR_CHECKPOINT_CORRUPT',
      message: expect.stringMatching(message),
    })
  })

  test('text that is not UTF-8 is refused', async () => {
    const bytes = fileWith(`{"a":${entry}}`, 4)
    bytes[10] = 0xff
    await expect(openBytes(bytes)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_CORRUPT' })
  })

  test.each([1n << 20n, 100_000_001n, (1n << 63n) + 1n, (1n << 64n) - 1n])(
    'a header length of %s is refused before anything is allocated',
    async (length) => {
      const bytes = fileWith(`{"a":${entry}}`, 4)
      bytes.writeBigUInt64LE(length)
      await expect(openBytes(bytes)).rejects.toMatchObject({
        code: 'ERR_CHECKPOINT_CORRUPT',
        message: expect.stringContaining(`claims ${length} bytes`),
      })
    },
  )

  test('an empty tensor may share its place with another, in whatever order they are named', async () => {
    const empty = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    for (const header of [`{"a":${entry},"b":${empty}}`, `{"b":${empty},"a":${entry}}`]) {
      const file = await openBytes(fileWith(header, 4))
      expect((await bytesOfTensor(file, 'b')).length).toBe(0)
      await file.close()
    }
  })

  test('a file shorter than its length field is refused', async () => {
    for (let n = 0; n < 8; n++) {
      await expect(openBytes(Buffer.alloc(n))).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_CORRUPT' })
    }
  })

  test('a folder, a missing file and a device are refused', async () => {
    for (const path of [temporaryFolder(), '/nonexistent/x', '/dev/zero']) {
      await expect(SafetensorsFile.open(path)).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_MISSING' })
    }
  })

  test('a file that shrinks after it was opened is noticed', async () => {
    const path = newPath()
    await writeFile(path, fileWith(`{"a":${entry}}`, 4))
    const file = await SafetensorsFile.open(path)
    await writeFile(path, fileWith(`{"a":${entry}}`, 2))
    await expect(bytesOfTensor(file, 'a')).rejects.toMatchObject({ code: 'ERR_CHECKPOINT_CORRUPT' })
    await file.close()
  })

  test('whatever the bytes, a file opens or fails with a CheckpointError, and what opens can be read', async () => {
    const path = newPath()
    await writeSafetensors(path, [
      { name: 'a', dtype: 'F32', shape: [2, 3], data: pattern(24, 0) },
      { name: 'b', dtype: 'U8', shape: [5], data: pattern(5, 0) },
    ])
    const good = await readFile(path)
    const edit = fc.record({ at: fc.nat(good.length - 1), byte: fc.nat(255) })
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '"a"',
      '"dtype"',
      '"F32"',
      '"shape"',
      '"data_offsets"',
      '0',
      '4',
      '-1',
      '1e99',
      ' ',
    )
    const mutated = fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
      const bytes = Buffer.from(good)
      for (const { at, byte } of edits) bytes[at] = byte
      return bytes
    })
    const invented = fc.array(token, { maxLength: 30 }).map((tokens) => fileWith(tokens.join(''), 4))
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, invented, fc.uint8Array({ maxLength: 64 })), async (bytes) => {
        await writeFile(path, bytes)
        let file: SafetensorsFile
        try {
          file = await SafetensorsFile.open(path)
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError)
          return
        }
        for (const { name, begin, end } of file.tensors.values()) {
          expect((await bytesOfTensor(file, name)).length).toBe(end - begin)
        }
        await file.close()
      }),
      { numRuns: 1500 },
    )
  })
})
