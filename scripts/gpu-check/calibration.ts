import { readFileSync } from 'node:fs'
import type { Lines } from './lines.js'

/** A line of native/simt/selftest/conformance.cu. */
interface Conformance {
  readonly wrapper: string
  readonly compare: 'exact' | 'close'
  /** Of every bit that came out; for `exact`. */
  readonly hash?: string
  readonly wrong?: number
  /** Against a formula in double; for `close`. */
  readonly error?: number
  readonly allowed?: number
  /** The program's own verdict, against a formula. */
  readonly ok: boolean
}

/**
 * Holds what a device did with each wrapper of an instruction against what the emulator did. Where every bit is defined the
 * two must agree; where the hardware may round as it likes, both must be within what the formula allows. A wrapper that
 * one of the two did not report has failed: the program ended early.
 */
export function compareCalibration(deviceFile: string, emulatorFile: string, lines: Lines): void {
  const device = read(deviceFile)
  const emulator = read(emulatorFile)
  if (emulator.size === 0) lines.failed('golden file', `${emulatorFile} has no lines`)
  for (const [wrapper, expected] of emulator) {
    const actual = device.get(wrapper)
    if (!actual) {
      lines.failed(wrapper, 'not reported by the device')
      continue
    }
    const sameBits = expected.compare === 'close' || actual.hash === expected.hash
    const { compare, error: difference, allowed, wrong } = actual
    lines.add({
      name: wrapper,
      ok: actual.ok && expected.ok && sameBits,
      compare,
      ...(compare === 'close' ? { difference, allowed } : { wrong }),
      ...(!sameBits && { error: `the bits are ${actual.hash}, the emulator's ${expected.hash}` }),
    })
  }
  for (const wrapper of device.keys())
    if (!emulator.has(wrapper)) lines.failed(wrapper, 'not in the golden file')
}

function read(file: string): Map<string, Conformance> {
  const texts = readFileSync(file, 'utf8').split('\n')
  const parsed = texts.filter((text) => text !== '').map((text) => JSON.parse(text) as Conformance)
  return new Map(parsed.map((line) => [line.wrapper, line]))
}
