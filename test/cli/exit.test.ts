import { describe, expect, it } from 'vitest'
import { exitCodeOf, reportError, UsageError } from '../../lib/cli/exit.js'
import {
  CheckpointError,
  ConfigError,
  DataError,
  DeviceError,
  DeviceMemoryError,
  NativeError,
  NonFiniteError,
  SaveError,
  SpikeError,
} from '../../lib/errors.js'
import { terminalOf } from '../../lib/report/terminal.js'
import { runCommand } from '../helpers/run-cli.js'

const system = (code: string) => Object.assign(new Error(`${code}: from the system`), { code })

describe('exit codes', () => {
  it.each<[Error, number]>([
    [new UsageError('x'), 2],
    [new ConfigError('x'), 2],
    [new SaveError('x'), 74],
    [system('ENOSPC'), 74],
    [system('EROFS'), 74],
    [system('ENOENT'), 1],
    [new DeviceError('x'), 75],
    [new DeviceMemoryError('x'), 75],
    [new NativeError('ERR_OUT_OF_MEMORY', 'x'), 75],
    [new NativeError('ERR_DEVICE_FAILED', 'x'), 75],
    [new NativeError('ERR_OUT_OF_RANGE', 'x'), 1],
    [new NonFiniteError('x', 1), 76],
    [new SpikeError('x', 1), 76],
    [new DataError('x'), 1],
    [new CheckpointError('ERR_CHECKPOINT_CORRUPT', 'x'), 1],
    [new TypeError('a bug'), 1],
  ])('%s: %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code)
  })

  it('an error of ours and a full disk are told in a line, a bug with its stack', () => {
    let text = ''
    const terminal = terminalOf(
      { write: (piece: string | Uint8Array) => ((text += String(piece)), true) },
      {},
    )
    expect(reportError(system('ENOSPC'), terminal)).toBe(74)
    expect(text).toBe('error ENOSPC: from the system [ENOSPC]\n')
    text = ''
    expect(reportError(new TypeError('a bug'), terminal)).toBe(1)
    expect(text).toMatch(/^unexpected error TypeError: a bug\n +at /)
  })

  it.each(['train', 'resume'])('are told by %s --help', async (name) => {
    const { out } = await runCommand([name, '--help'])
    for (const code of [0, 1, 2, 74, 75, 76, 129, 130, 143]) expect(out).toMatch(new RegExp(`\\b${code}\\b`))
  })
})
