// %tid.x and its kin: read-only, and always 32 bits here.

const cpp = {
  '%laneid': 'static_cast<uint32_t>(simt::lane_id())',
  '%lanemask_eq': '1u << simt::lane_id()',
  '%lanemask_lt': '(1u << simt::lane_id()) - 1',
  '%lanemask_le': '(2u << simt::lane_id()) - 1',
  '%lanemask_gt': '~((2u << simt::lane_id()) - 1)',
  '%lanemask_ge': '~((1u << simt::lane_id()) - 1)',
}
for (const axis of ['x', 'y', 'z']) {
  cpp[`%tid.${axis}`] = `simt::here->thread.${axis}`
  cpp[`%ntid.${axis}`] = `simt::here->block_size.${axis}`
  cpp[`%ctaid.${axis}`] = `simt::here->block.${axis}`
  cpp[`%nctaid.${axis}`] = `simt::here->grid_size.${axis}`
}

export const specialRegisters = new Map(
  Object.entries(cpp).map(([name, text]) => [name, { kind: 'register', type: 'b32', cpp: `(${text})` }]),
)
