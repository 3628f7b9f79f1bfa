import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { describe, expect, test } from 'vitest'
import { parseByteSize } from '../../lib/cli/byte-size.js'
import { UsageError } from '../../lib/cli/exit.js'
import { HuggingFaceModel } from '../../lib/export/read-huggingface.js'
import { publicModel, publicShape } from '../helpers/public-model.js'
import { runCommand } from '../helpers/run-cli.js'
import { temporaryFolder } from '../helpers/temporary-folder.js'

describe('patchtrain export', () => {
  test('writes a model of another folder anew, in the type and the files asked for', async () => {
    const parent = temporaryFolder()
    const folder = join(parent, 'exported')
    const from = await publicModel(parent)
    const args = ['export', from, folder, '--dtype', 'f16', '--shard-size', '8KB', '--json']
    const { code, out, err } = await runCommand(args)
    expect([code, err]).toEqual([0, ''])
    const written = JSON.parse(out) as { files: string[]; source: string }
    expect(written).toMatchObject({ folder, source: from })
    expect(written.files.length).toBeGreaterThan(1)
    expect(await readdir(folder)).toEqual(expect.arrayContaining([...written.files, 'tokenizer.json']))
    const source = await HuggingFaceModel.open(folder)
    await source.close()
    expect(source.model).toEqual(publicShape)
    const { code: refused, err: text } = await runCommand(['export', from, folder])
    expect(refused).not.toBe(0)
    expect(text).toMatch(/exists and holds \d+ files/)
  })

  test('takes sizes as transformers writes them', () => {
    const sizes = ['4096', '5KB', '1.5MB', '2gb', '1KiB', '3 MiB', '1GiB', '7B']
    expect(sizes.map((size) => parseByteSize('x', size))).toEqual([
      4096,
      5e3,
      1.5e6,
      2e9,
      1024,
      3 * 2 ** 20,
      2 ** 30,
      7,
    ])
    for (const text of ['', '0', '-1', 'MB', '1XB', '1e3', '0.1B', '1 2', '1MBs', 'Infinity', '1constructor'])
      expect(() => parseByteSize('shard-size', text), text).toThrow(UsageError)
  })
})

describe('--from', () => {
  const flags = ['--data', 'data/tinyshakespeare.txt', '--total-steps', '4', '--batch-tokens', '512']
  const planned = (...more: string[]) =>
    runCommand(['plan', ...flags, '--context', '32', '--print-config', ...more])

  test('plans a run that goes on from a model folder', async () => {
    const parent = temporaryFolder()
    const from = await publicModel(parent)
    const { code, out } = await planned('--from', from, '--set', `data.cache=${join(parent, 'tokens')}`)
    expect(code).toBe(0)
    expect(parse(out)).toMatchObject({ model: { from, ...publicShape }, data: { tokenizer: from } })
  })

  test('and a preset contradict each other', async () => {
    const from = await publicModel(temporaryFolder())
    const { code, err } = await planned('--from', from, '--model', '1m')
    expect(code).toBe(2)
    expect(err).toContain("so the preset '1m' has no place")
  })

  test('leaves room for a preset with numbers replaced by --set', async () => {
    const cache = `data.cache=${join(temporaryFolder(), 'tokens')}`
    const { code, out } = await planned('--model', '1m', '--set', 'model.kvHeads=1', '--set', cache)
    expect(code).toBe(0)
    expect(parse(out)).toMatchObject({ model: { width: 128, heads: 2, kvHeads: 1 } })
  })
})
