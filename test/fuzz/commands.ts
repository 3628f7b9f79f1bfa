import type { DType, OpSchema, SlotType, TensorArgument } from '../../lib/native/addon.js'
import { validCommands } from '../native/valid-commands.js'
import type { ByteSource } from './byte-source.js'

/** A recorded command from a fuzzer's bytes, read as native/commands.h reads them. */
export interface FuzzedCommand {
  readonly op: string
  /** Without their region. */
  readonly tensors: Record<string, Omit<TensorArgument, 'region'>>
  readonly params: Record<string, number>
  /** Of the region that holds all tensors one after the other. */
  readonly bytes: number
}

const alignment = 64

const awkward = [
  -1,
  0.5,
  NaN,
  Infinity,
  -Infinity,
  2147483647,
  2147483648,
  4294967295,
  4294967296,
  2 ** 40,
  2 ** 53,
  2 ** 62,
  -(2 ** 63),
  1e308,
  5e-324,
  -0,
  2 ** -24,
  16777216,
  65536,
  131072,
  262144,
  524288,
  524284,
  1048576,
  0.9,
  1e-5,
  -2147483648,
  1e6,
  256,
  1024,
  4096,
  2 ** 20,
]
const types: readonly DType[] = ['f32', 'bf16', 'f64', 'i32']
const widths: Readonly<Record<DType, number>> = { f32: 4, bf16: 2, f64: 8, i32: 4 }

const onCpu = (type: SlotType): DType => (type === 'compute' || type === 'compute_or_f32' ? 'f32' : type)

function readDimensions(source: ByteSource) {
  const from = (least: number, count: number) => least + source.below(count)
  return {
    B: from(1, 3),
    T: from(1, 80),
    K: from(1, 4),
    C: from(1, 40),
    G: from(1, 2),
    group: from(1, 3),
    D: 2 * from(1, 10),
    F: from(1, 20),
    V: from(1, 50),
  }
}

interface Slot {
  readonly name: string
  given: boolean
  offset: number
  dtype: DType
  shape: number[]
}

export function readCommand(source: ByteSource, ops: readonly OpSchema[]): FuzzedCommand {
  const op = ops[source.byte() % ops.length]!
  const valid = validCommands(readDimensions(source))[op.name] ?? { shapes: {}, params: {} }
  let bytes = 0
  const slots = op.tensors.map(({ name, dtype: type }): Slot => {
    const given = name in valid.shapes
    const slot = {
      name,
      given,
      offset: bytes,
      dtype: onCpu(type),
      shape: given ? [...valid.shapes[name]!] : [1],
    }
    const size = slot.shape.reduce((product, dimension) => product * dimension, widths[slot.dtype])
    bytes += Math.ceil(size / alignment) * alignment
    return slot
  })
  const params = op.params.map(({ name }) => ({ name, value: valid.params[name] ?? 0 }))
  for (let edits = source.below(4); edits > 0; edits--) edit(source, slots, params)
  const given = slots.filter((slot) => slot.given)
  return {
    op: op.name,
    tensors: Object.fromEntries(
      given.map(({ name, offset, dtype, shape }) => [name, { offset, dtype, shape }]),
    ),
    params: Object.fromEntries(params.map(({ name, value }) => [name, value])),
    bytes,
  }
}

function edit(source: ByteSource, slots: Slot[], params: { value: number }[]): void {
  const [kind, place, code] = [source.below(6), source.byte(), source.byte()]
  const value = code < 200 ? code : awkward[(code - 200) % awkward.length]!
  if (kind === 5) {
    if (params.length > 0) params[place % params.length]!.value = value
    return
  }
  const slot = slots[place % slots.length]!
  if (kind === 0) slot.offset = value * 4
  if (kind === 1) slot.offset = value
  if (kind === 2) slot.dtype = types[code % 4]!
  if (kind === 3 && slot.shape.length > 0) slot.shape[(place >> 4) % slot.shape.length] = value
  if (kind === 4 && code < 5) slot.shape = Array.from({ length: code }, (_, i) => slot.shape[i] ?? 1)
  if (kind === 4 && code >= 250) slot.given = !slot.given
}

/** What the region holds before the command runs. */
export function readMemory(source: ByteSource, bytes: number): Uint8Array {
  const pattern = source.below(6)
  const rest = source.rest()
  const plain = [0x00, 0xff, 0x7f, 0x80][pattern % 4]!
  return Uint8Array.from({ length: bytes }, (_, i) =>
    pattern < 4 || rest.length === 0 ? plain : rest[i % rest.length]!,
  )
}
