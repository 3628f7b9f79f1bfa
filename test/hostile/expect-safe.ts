import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { PatchTrainError } from '../../lib/errors.js'

/** Runs what reads a hostile file: it may succeed, or fail with an error that is meant for the user. */
export async function expectSafe(read: () => unknown): Promise<PatchTrainError | undefined> {
  try {
    await read()
    return undefined
  } catch (error) {
    if (!(error instanceof PatchTrainError)) throw error
    expect(error.message).not.toBe('')
    return error
  }
}

/** Files this process has open, where the system tells. */
export function openFiles(): string[] {
  try {
    return readdirSync('/proc/self/fd').sort()
  } catch {
    return []
  }
}

/** The most address space this process ever had, in MiB: an allocation counts even if nothing is ever put there. */
export function peakAddressSpace(): number {
  try {
    return Number(/^VmPeak:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024
  } catch {
    return 0
  }
}
