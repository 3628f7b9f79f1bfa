// A product with few rows, C = A · Bᵀ, as in generating tokens: B, the weights, is read once and the rest is nothing.
#pragma once
#include "cuda/gemm_tile.cuh"

namespace pt::cuda {

constexpr int kThinWarps = 8;
constexpr int kThinSums = static_cast<int>(GemmBlocking::kThinRows * GemmBlocking::kThinColumns);
constexpr size_t kThinSharedBytes = kThinWarps * kThinSums * sizeof(float);

/// Eight elements of a row, or zeros.
PT_DEVICE uint4 thin_chunk(const bf16* p, bool exists) {
  uint4 chunk;
  chunk.x = chunk.y = chunk.z = chunk.w = 0;
  if (exists) chunk = *reinterpret_cast<const uint4*>(p);
  return chunk;
}

/// 16 columns of C by a block; its warps take turns along the sum and add up at the end. Operands go from global memory
/// straight into the registers that the tensor cores read. A lane's 16 bytes hold 8 neighbours of the sum, where
/// mma_16x8x16 would have pairs from four places; as both operands are shuffled alike, the sum is the same.
PT_DEVICE void multiply_thin(const GemmArguments& product, float* shared) {
  constexpr int kChunks = 4;  // of each row a lane has under way at once
  constexpr int kReach = 32;  // of the sum, by four lanes with 8 elements each
  const int lane = lane_id(), group = lane / 4, column = static_cast<int>(blockIdx.x) * 16;
  const int inner = product.inner;
  const bool low_row = group < product.M, high_row = group + 8 < product.M;
  const bool low_column = column + group < product.N, high_column = column + group + 8 < product.N;
  const bf16* a = product.a + static_cast<int64_t>(group) * inner;
  const bf16* b = product.b + static_cast<int64_t>(column + group) * inner;
  const int64_t eight_rows = static_cast<int64_t>(8) * inner;

  float sums[2][4] = {};
  for (int begin = warp_id() * kReach; begin < inner; begin += kThinWarps * kReach * kChunks) {
    uint4 weights[kChunks][2];
#pragma unroll
    for (int i = 0; i < kChunks; i++) {
      const int k = begin + i * kThinWarps * kReach + lane % 4 * 8;
      weights[i][0] = thin_chunk(b + k, low_column && k < inner);
      weights[i][1] = thin_chunk(b + eight_rows + k, high_column && k < inner);
    }
#pragma unroll
    for (int i = 0; i < kChunks; i++) {
      const int k = begin + i * kThinWarps * kReach + lane % 4 * 8;
      const uint4 low = thin_chunk(a + k, low_row && k < inner);
      const uint4 high = thin_chunk(a + eight_rows + k, high_row && k < inner);
      const uint32_t first[4] = {low.x, high.x, low.y, high.y}, second[4] = {low.z, high.z, low.w, high.w};
#pragma unroll
      for (int j = 0; j < 2; j++) {
        mma_16x8x16(sums[j], first, weights[i][j].x, weights[i][j].y);
        mma_16x8x16(sums[j], second, weights[i][j].z, weights[i][j].w);
      }
    }
  }

#pragma unroll
  for (int j = 0; j < 2; j++)
#pragma unroll
    for (int e = 0; e < 4; e++)
      shared[warp_id() * kThinSums + (group + e / 2 * 8) * 16 + j * 8 + lane % 4 * 2 + e % 2] = sums[j][e];
  sync_block();

  const int my_row = static_cast<int>(threadIdx.x) / 16, my_column = column + static_cast<int>(threadIdx.x) % 16;
  if (my_row >= product.M || my_column >= product.N) return;
  float sum = 0;
#pragma unroll
  for (int w = 0; w < kThinWarps; w++) sum += shared[w * kThinSums + threadIdx.x];
  const int64_t at = static_cast<int64_t>(my_row) * product.N + my_column;
  if (product.c_is_f32)
    put(static_cast<float*>(product.c) + at, sum, product.accumulate);
  else
    put(static_cast<bf16*>(product.c) + at, sum, product.accumulate);
}

}  // namespace pt::cuda
