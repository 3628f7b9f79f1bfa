// Sums and maxima over a warp or a block, in a fixed order: the same bits every time. All threads get the result.
#pragma once
#include "cuda/ptx.cuh"

namespace pt::cuda {

template <class T>
PT_DEVICE T warp_sum(T x) {
#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1) x += shuffle_xor(x, mask);
  return x;
}

PT_DEVICE float warp_max(float x) {
#pragma unroll
  for (int mask = 16; mask > 0; mask >>= 1) x = fmaxf(x, shuffle_xor(x, mask));
  return x;
}

/// `scratch`: shared memory for kThreads / 32 values that nobody else uses; free again when the function returns.
template <int kThreads, class T>
PT_DEVICE T block_sum(T x, T* scratch) {
  constexpr int kWarps = kThreads / 32;
  x = warp_sum(x);
  if (lane_id() == 0) scratch[warp_id()] = x;
  sync_block();
  T total = scratch[0];
#pragma unroll
  for (int w = 1; w < kWarps; w++) total += scratch[w];
  sync_block();
  return total;
}

template <int kThreads>
PT_DEVICE float block_max(float x, float* scratch) {
  constexpr int kWarps = kThreads / 32;
  x = warp_max(x);
  if (lane_id() == 0) scratch[warp_id()] = x;
  sync_block();
  float greatest = scratch[0];
#pragma unroll
  for (int w = 1; w < kWarps; w++) greatest = fmaxf(greatest, scratch[w]);
  sync_block();
  return greatest;
}

}  // namespace pt::cuda
