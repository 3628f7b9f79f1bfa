import { readdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { NativeError } from '../../lib/errors.js'
import { loadAddon } from '../../lib/native/load.js'
import { kernelsMissing } from '../helpers/emulator.js'
import { BpeEngine } from '../../lib/native/tokenizer.js'
import { ByteSource } from './byte-source.js'
import { readCommand, readMemory } from './commands.js'
import { readVocabulary } from './vocabulary.js'

/*
 * The corpora of the native fuzz targets, once through the interface that JavaScript has: what was found stays found,
 * also where there is no clang. Coverage and sanitizers: scripts/fuzz.sh.
 */

const folder = (target: string) => fileURLToPath(new URL(`corpus/${target}/`, import.meta.url))

function inputs(target: string): [name: string, bytes: Buffer][] {
  return readdirSync(folder(target)).map((name) => [name, readFileSync(folder(target) + name)])
}

const { addon, path } = loadAddon()
const device = new addon.Device({ kind: 'cpu', folder: dirname(path), level: '', threads: 2 })
afterAll(() => device.dispose())

/** As the targets do. */
const longestText = 70 * 1024
const mostFlops = 2e7

test('tokenizer: every vocabulary is refused or encodes, alike on any number of threads', async () => {
  let usable = 0
  for (const [name, bytes] of inputs('tokenizer')) {
    const source = new ByteSource(bytes)
    const flags = source.byte()
    let engine: BpeEngine
    try {
      engine = new BpeEngine(readVocabulary(source, flags))
    } catch (error) {
      expect(error, name).toBeInstanceOf(NativeError)
      continue
    }
    usable++
    const times = flags & 8 ? 1 << source.below(16) : 1
    const once = Buffer.from(source.rest()).toString('utf8')
    const text = once.repeat(Math.max(1, Math.min(times, Math.floor(longestText / Math.max(1, once.length)))))
    const ids = engine.encode(text, false, false)
    const both = await engine.encodeBatch([text, text], false, false, 2)
    expect([...both.ids.subarray(both.offsets[1])], name).toEqual([...ids])
    expect(engine.decode(ids), name).toBe(text.replaceAll('▁', ' '))
    expect(() => engine.decode(Int32Array.of(-1))).toThrow(NativeError)
    engine.dispose()
  }
  expect(usable).toBeGreaterThan(2)
})

describe('ops', () => {
  test('every command is refused, or runs to the end, or stops at a value out of range', async () => {
    const outcomes = new Map<string, number>()
    for (const [name, bytes] of inputs('ops')) {
      const source = new ByteSource(bytes)
      const command = readCommand(source, addon.ops())
      const region = device.allocate(Math.max(64, command.bytes))
      const plan = device.createPlan(name)
      const tensors = Object.fromEntries(
        Object.entries(command.tensors).map(([slot, tensor]) => [slot, { region, ...tensor }]),
      )
      let outcome = 'ran'
      try {
        device.record(plan, command.op, tensors, command.params)
        if (device.describe(plan).entries[0]!.flops > mostFlops) continue
        await device.write(region, 0, readMemory(source, command.bytes))
        await device.run(plan)
      } catch (error) {
        outcome = (error as { code?: string }).code ?? String(error)
      }
      device.freePlan(plan)
      device.freeRegion(region)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
    expect([...outcomes.keys()].sort()).toEqual(['ERR_INVALID_ARGUMENT', 'ERR_OUT_OF_RANGE', 'ran'])
    expect(outcomes.get('ran')).toBeGreaterThan(50)
  })
})

test.skipIf(kernelsMissing !== '')('choices: a CUDA device takes them or refuses them', async () => {
  const options = { kind: 'cuda-emu', index: 0, cublaslt: 'none', emulator: 'policy=sequential' } as const
  const emulated = new addon.Device({ ...options, folder: dirname(path) })
  const outcomes = new Set<string>()
  for (const [, bytes] of inputs('choices')) {
    const restored = emulated.restoreChoices(bytes.toString('latin1')).then(() => 'taken')
    outcomes.add(await restored.catch((error: { code?: string }) => error.code ?? 'another error'))
  }
  emulated.dispose()
  expect([...outcomes].sort()).toEqual(['ERR_INVALID_ARGUMENT', 'taken'])
})
