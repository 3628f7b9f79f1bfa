// Machine code of a cubin → how often each instruction that we budget stands in a kernel.
//
// Since Volta an instruction has 16 bytes; the lowest 9 bits name the operation and the next 3 the form of its operands
// (HMMA is 23c where its form is 2). Checked against nvdisasm 13.1 over all kernels here, for sm_80, sm_90a and sm_120:
// these codes belonged to no other instruction.
export const operations = {
  mma: 0x03c, // HMMA
  ldmatrix: 0x03b, // LDSM
  cpAsync: 0x1ae, // LDGSTS
  shuffle: 0x189, // SHFL
  barrier: 0x11d, // BAR
  special: 0x108, // MUFU
  localLoad: 0x183, // LDL
  localStore: 0x187, // STL
}

const kInstructionBytes = 16
const kOperationMask = 0x1ff
const kSectionPrefix = '.text.'

/** → Map of mangled name → { mma: 64, …, all } for each function of the cubin. */
export function countInstructions(cubin) {
  const counts = new Map()
  for (const { name, bytes } of sections(cubin))
    if (name.startsWith(kSectionPrefix)) counts.set(name.slice(kSectionPrefix.length), count(bytes))
  return counts
}

function count(code) {
  const names = new Map(Object.entries(operations).map(([name, operation]) => [operation, name]))
  const counts = Object.fromEntries([...names.values()].map((name) => [name, 0]))
  for (let at = 0; at < code.length; at += kInstructionBytes) {
    const name = names.get(code.readUInt16LE(at) & kOperationMask)
    if (name) counts[name]++
  }
  return counts
}

/** The sections of a 64-bit little-endian ELF file. */
function sections(file) {
  if (file.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw new Error('not a 64-bit ELF file')
  const tableAt = Number(file.readBigUInt64LE(0x28))
  const [entryBytes, entries, namesIndex] = [0x3a, 0x3c, 0x3e].map((at) => file.readUInt16LE(at))
  const headers = Array.from({ length: entries }, (_, i) => tableAt + i * entryBytes).map((at) => ({
    nameAt: file.readUInt32LE(at),
    start: Number(file.readBigUInt64LE(at + 0x18)),
    size: Number(file.readBigUInt64LE(at + 0x20)),
  }))
  const namesAt = headers[namesIndex].start
  return headers.map(({ nameAt, start, size }) => {
    const first = namesAt + nameAt
    const name = file.toString('latin1', first, file.indexOf(0, first))
    return { name, bytes: file.subarray(start, start + size) }
  })
}
