import { UsageError } from './exit.js'

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
}

/**
 * A size as people and transformers write it, in bytes: `500MB`, `2GiB`, `4096`. Units as transformers reads them: GB is
 * 10⁹ bytes, GiB 2³⁰.
 * @throws {UsageError} for what is no size
 */
export function parseByteSize(flag: string, text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? []
  const bytes = Math.floor(Number(digits) * (units[unit.toUpperCase()] ?? NaN))
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw new UsageError(`--${flag} ${text} is no size. Write 500MB, 2GiB or a number of bytes, say.`)
}
