/** Strict UTF-8: a byte that is not UTF-8 is an error with its offset, never a silent U+FFFD. */
import { isUtf8 } from 'node:buffer'
import { DataError } from '../../errors.js'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes bytes that begin at `offset` of the (decompressed) `file`, or of a `part` of it, which is named if given. */
export function decodeUtf8(bytes: Uint8Array, file: string, offset: number, part?: string): string {
  if (isUtf8(bytes)) return decoder.decode(bytes)
  const at = firstInvalid(bytes)
  const found = bytes[at]!.toString(16).padStart(2, '0')
  const wide =
    offset === 0 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
  const where = `byte ${offset + at}${part === undefined ? '' : ` (${part})`}`
  throw new DataError(
    `${file} is not UTF-8 at ${where}: found 0x${found}. ` +
      (wide ? 'It looks like UTF-16. ' : '') +
      'Convert it first, with `iconv -t UTF-8` for example.',
    { file },
  )
}

/** How many of the first bytes form whole characters, assuming the rest goes on: cuts a tail of 1–3 bytes. */
export function wholeCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue // continuation: look further back for its lead
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

/** Index of the first byte that no well-formed text can have there: the start of the broken character. */
function firstInvalid(bytes: Uint8Array): number {
  // The longest good start, by bisection: every shorter start is good too, up to a cut-off character.
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = (low + high + 1) >> 1
    const start = bytes.subarray(0, middle)
    if (isUtf8(start.subarray(0, wholeCharacters(start)))) low = middle
    else high = middle - 1
  }
  return wholeCharacters(bytes.subarray(0, low))
}

/** Bytes of a byte order mark at the start of `bytes`: 3 or 0. */
export function byteOrderMark(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}
