/**
 * The protobuf wire format, read defensively: every length is checked against the bytes that are left, so a hostile
 * file costs at most one pass over it.
 */
export type ProtobufField =
  | { readonly number: number; readonly kind: 'varint'; readonly value: number }
  | { readonly number: number; readonly kind: 'fixed32'; readonly value: DataView }
  | { readonly number: number; readonly kind: 'bytes'; readonly value: Uint8Array }

export class ProtobufError extends Error {}

/** The fields of one message, in order. 64-bit fixed fields are skipped: no message we read has one. */
export function* protobufFields(message: Uint8Array): Generator<ProtobufField> {
  let at = 0
  const take = (bytes: number): Uint8Array => {
    if (bytes > message.length - at)
      throw new ProtobufError(`a field of ${bytes} bytes at byte ${at} is cut off`)
    at += bytes
    return message.subarray(at - bytes, at)
  }
  // Beyond 2^53 the value is rounded. Only negative numbers are so large, and they are invalid wherever we use one.
  const varint = (): number => {
    let value = 0
    for (let i = 0; i < 10; i++) {
      const byte = take(1)[0]!
      value += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return value
    }
    throw new ProtobufError(`a number before byte ${at} is longer than 10 bytes`)
  }

  while (at < message.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        yield { number, kind: 'varint', value: varint() }
        break
      case 1:
        take(8)
        break
      case 2:
        yield { number, kind: 'bytes', value: take(varint()) }
        break
      case 5: {
        const bytes = take(4)
        yield { number, kind: 'fixed32', value: new DataView(bytes.buffer, bytes.byteOffset, 4) }
        break
      }
      default:
        throw new ProtobufError(`field ${number} before byte ${at} has the unknown wire type ${tag % 8}`)
    }
  }
}
