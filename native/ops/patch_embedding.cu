// A thread makes eight columns of one row: K loads of 16 bytes, none waiting for another. The floor is what the op's
// cost says: K rows of the table read and one row written, 2·C·(K + 1) bytes a patch.
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "ops/patch_embedding.h"

namespace pt::cuda {
namespace {
constexpr int kThreads = 128;
constexpr int kAhead = 4;  // rows whose loads are under way together

/// Eight columns of the embedding of one token; zeros for an id outside the table.
PT_DEVICE uint4 embedding_of(int32_t id, const bf16* columns, int V, int C) {
  uint4 packed = {0, 0, 0, 0};
  if (static_cast<uint32_t>(id) < static_cast<uint32_t>(V))
    packed = *reinterpret_cast<const uint4*>(columns + static_cast<int64_t>(id) * C);
  return packed;
}

PT_DEVICE void report_invalid(const int32_t* ids, int64_t first, int K, int V, const FaultReport& fault) {
#pragma unroll 1
  for (int k = 0; k < K; k++)
    if (static_cast<uint32_t>(ids[first + k]) >= static_cast<uint32_t>(V))
      fault.raise(FaultKind::token_id, first + k, ids[first + k], V);
}
}  // namespace

namespace patch_embedding_kernels {
__global__ void __launch_bounds__(kThreads) mean_of_rows(const int32_t* ids, const bf16* table, bf16* y, int R, int K,
                                                         int V, int C, float inverse, FaultReport fault) {
  const int row_vectors = C / 8;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;  // which vector of y
  if (i >= static_cast<int64_t>(R) * row_vectors) return;
  const int row = static_cast<int>(i) / row_vectors, column = static_cast<int>(i) % row_vectors * 8;
  const int64_t first = static_cast<int64_t>(row) * K;

  float sum[8];
#pragma unroll
  for (int e = 0; e < 8; e++) sum[e] = -0.0f;  // plus x is x, for x = −0 too
#pragma unroll 1
  for (int k = 0; k < K; k += kAhead) {
    int32_t id[kAhead];
    uint4 packed[kAhead];
#pragma unroll
    for (int a = 0; a < kAhead; a++) id[a] = k + a < K ? ids[first + k + a] : -1;
#pragma unroll
    for (int a = 0; a < kAhead; a++) packed[a] = embedding_of(id[a], table + column, V, C);
#pragma unroll
    for (int a = 0; a < kAhead; a++) {
      if (k + a >= K) continue;
      float x[8];
      unpack8(x, packed[a]);
#pragma unroll
      for (int e = 0; e < 8; e++) sum[e] += x[e];
    }
  }
#pragma unroll
  for (int e = 0; e < 8; e++) sum[e] *= inverse;
  store8(y + static_cast<int64_t>(row) * C + column, sum);
  if (column == 0) report_invalid(ids, first, K, V, fault);
}
}  // namespace patch_embedding_kernels

// -----------------------------------------------------------------------------------------------------------------

Status patch_embedding(const Command& c, const Launch& launch) {
  namespace op = pt::patch_embedding;
  const int64_t R = c.dim(op::y, 0), C = c.dim(op::y, 1);
  return start(launch, "patch_embedding", patch_embedding_kernels::mean_of_rows,
               dim3(blocks_for(R * (C / 8), kThreads)), dim3(kThreads), 0, static_cast<const int32_t*>(c.i32(op::ids)),
               static_cast<const bf16*>(c.tensor(op::table).data), static_cast<bf16*>(c.tensor(op::y).data),
               static_cast<int>(R), static_cast<int>(c.integer(op::patch)), static_cast<int>(c.dim(op::table, 0)),
               static_cast<int>(C), 1.0f / static_cast<float>(c.integer(op::patch)), launch.fault);
}

}  // namespace pt::cuda
