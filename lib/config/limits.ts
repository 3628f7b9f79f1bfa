/** What the attention kernels take. */
export const largestHeadDim = 256
