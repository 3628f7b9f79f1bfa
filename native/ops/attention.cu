#include <cmath>

#include "cuda/attention_blocking.h"
#include "cuda/attention_tile.cuh"
#include "cuda/kernels.h"
#include "ops/attention.h"

namespace pt::cuda {
namespace attention_kernels {

struct Arguments {
  const bf16* qkv;  // [B·T, (H+2G)·D]
  bf16* y;          // [B·T, H·D]
  float* lse;       // [B·H, T]
  int B, T, H, G;
  int heads_at_once;
  float log2_scale;  // log₂e / √D: softmax runs on powers of two
};

/// What a warp knows of its rows: an online softmax (Milakov and Gimelshein, 2018). With g = lane / 4, a lane keeps
/// rows g and g + 8 of every band.
template <int D, int kBands>
struct Rows {
  float y[kBands][D / 8][4] = {};  // not yet divided by sum
  float max[kBands][2];            // of the scores so far, before scaling
  float sum[kBands][2] = {};       // of this lane's columns

  PT_DEVICE Rows() {
#pragma unroll
    for (int band = 0; band < kBands; band++) max[band][0] = max[band][1] = -INFINITY;
  }
};

/// One tile of keys and values. `query`: the first row of this lane; with kMasked, keys behind a row's query are left
/// out. Key 0 comes first and every query sees it: no maximum is ever the −∞ of nothing seen.
template <int D, int kKeys, bool kMasked, int kBands>
PT_DEVICE void attend(Rows<D, kBands>& rows, uint32_t queries, uint32_t keys, uint32_t values, int query, int key,
                      float log2_scale) {
  float s[kBands][kKeys / 8][4] = {};
  add_rows_by_rows<D>(s, queries, keys);
#pragma unroll
  for (int band = 0; band < kBands; band++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int last_key = query + 16 * band + 8 * half - key - lane_id() % 4 * 2;
      float& max = rows.max[band][half];
      float top = max;
#pragma unroll
      for (int j = 0; j < kKeys / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++) {
          float& x = s[band][j][2 * half + i];
          if (kMasked && 8 * j + i > last_key) x = -INFINITY;
          top = fmaxf(top, x);
        }
      top = quad_max(top);

      const float correction = exp2_approx((max - top) * log2_scale), offset = top * log2_scale;
      float sum = rows.sum[band][half] * correction;
#pragma unroll
      for (int j = 0; j < kKeys / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++) {
          float& x = s[band][j][2 * half + i];
          x = exp2_approx(x * log2_scale - offset);
          sum += x;
        }
      rows.sum[band][half] = sum;
      max = top;
#pragma unroll
      for (int j = 0; j < D / 8; j++) {
        rows.y[band][j][2 * half] *= correction;
        rows.y[band][j][2 * half + 1] *= correction;
      }
    }
  add_registers_by_rows<D>(rows.y, s, values);
}

/// Divides y by the sums; writes lse. `query`: the first row of this lane, of T.
template <int D, int kBands>
PT_DEVICE void finish(Rows<D, kBands>& rows, float* lse, int query, int T, float log2_scale) {
  constexpr float kLn2 = 0.693147180559945f;
#pragma unroll
  for (int band = 0; band < kBands; band++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const float sum = quad_sum(rows.sum[band][half]), inverse = 1.0f / sum;
#pragma unroll
      for (int j = 0; j < D / 8; j++) {
        rows.y[band][j][2 * half] *= inverse;
        rows.y[band][j][2 * half + 1] *= inverse;
      }
      const int row = query + 16 * band + 8 * half;
      if (lane_id() % 4 == 0 && row < T) lse[row] = (rows.max[band][half] * log2_scale + log2_approx(sum)) * kLn2;
    }
}

/// A block has kQueries rows of one head, and streams that head's keys and values up to the diagonal.
template <int D, int kQueries, int kKeys, int kWarps, int kBlocks>
__global__ void __launch_bounds__(kWarps * 32, kBlocks) forward(Arguments a) {
  PT_SHARED(shared);
  constexpr int kBands = kQueries / 16 / kWarps, kThreads = kWarps * 32;
  constexpr uint32_t kQueryBytes = kQueries * 2 * D, kTileBytes = kKeys * 2 * D, kStageBytes = 2 * kTileBytes;
  const int tiles = (a.T + kQueries - 1) / kQueries, width = (a.H + 2 * a.G) * D;
  const Assignment own(static_cast<int>(blockIdx.x), a.B * a.H, tiles, a.heads_at_once);
  const int sequence = own.head / a.H, h = own.head % a.H, g = h / (a.H / a.G);
  const int query0 = (tiles - 1 - own.rank) * kQueries;  // the last rows see the most keys

  const bf16* qkv = a.qkv + static_cast<int64_t>(sequence * a.T) * width;
  const bf16* keys = qkv + (a.H + g) * D;
  const bf16* values = keys + a.G * D;
  const uint32_t query_tile = shared_address(shared), stages = query_tile + kQueryBytes;
  const auto load_stage = [&](int block) {
    const uint32_t stage = stages + block % 2 * kStageBytes;
    const int64_t offset = block * kKeys * width;
    load_rows<D, kKeys, kThreads>(stage, keys + offset, width, a.T - block * kKeys);
    load_rows<D, kKeys, kThreads>(stage + kTileBytes, values + offset, width, a.T - block * kKeys);
    cp_async_commit();
  };
  load_rows<D, kQueries, kThreads>(query_tile, qkv + query0 * width + h * D, width, a.T - query0);
  load_stage(0);

  const int warp_row = warp_id() * 16 * kBands, query = query0 + warp_row + lane_id() / 4;
  const uint32_t queries = query_tile + warp_row * 2 * D;
  Rows<D, kBands> rows;
  const int seen = query0 + kQueries < a.T ? query0 + kQueries : a.T, blocks = (seen + kKeys - 1) / kKeys;
  for (int block = 0; block < blocks; block++) {
    cp_async_wait<0>();
    sync_block();  // the stage has arrived for all, and all are done with the other one
    if (block + 1 < blocks) load_stage(block + 1);
    const uint32_t stage = stages + block % 2 * kStageBytes;
    const int key = block * kKeys;
    if (key + kKeys <= query0 + 1)
      attend<D, kKeys, false>(rows, queries, stage, stage + kTileBytes, query, key, a.log2_scale);
    else if (key < query0 + warp_row + 16 * kBands)
      attend<D, kKeys, true>(rows, queries, stage, stage + kTileBytes, query, key, a.log2_scale);
  }

  finish(rows, a.lse + static_cast<int64_t>(own.head) * a.T, query, a.T, a.log2_scale);
  const int row0 = query0 + warp_row;
  bf16* y = a.y + (static_cast<int64_t>(sequence * a.T + row0) * a.H + h) * D;
  store_rows<D>(y, a.H * D, a.T - row0, rows.y, shared + warp_row * 2 * D);
}

}  // namespace attention_kernels

// ------------------------------------------------------------------------------------------------------------------

namespace {

template <int D, SharedMemory kMemory>
Status run(const Command& c, const Launch& launch) {
  namespace op = pt::attention;
  constexpr Tile t = forward_tile(D, kMemory);
  constexpr size_t kShared = static_cast<size_t>(t.kept + 4 * t.streamed) * 2 * D;
  const int64_t T = c.integer(op::positions), H = c.integer(op::heads), G = c.integer(op::kv_heads);
  const int64_t B = c.dim(op::qkv, 0) / T;
  attention_kernels::Arguments a;
  a.qkv = static_cast<const bf16*>(c.tensor(op::qkv).data);
  a.y = static_cast<bf16*>(c.tensor(op::y).data);
  a.lse = c.f32(op::lse);
  a.B = static_cast<int>(B), a.T = static_cast<int>(T), a.H = static_cast<int>(H), a.G = static_cast<int>(G);
  a.heads_at_once = heads_at_once(B * G, T * D * 4) * a.H / a.G;
  a.log2_scale = static_cast<float>(1.4426950408889634 / std::sqrt(static_cast<double>(D)));
  return start(launch, "attention", attention_kernels::forward<D, t.kept, t.streamed, t.warps, t.blocks>,
               dim3(blocks_for(T, t.kept) * static_cast<unsigned>(B * H)), dim3(t.warps * 32), kShared, a);
}

template <int D>
Status run(const Command& c, const Launch& launch) {
  return shared_memory_class(launch.device.shared_bytes_a_block) == SharedMemory::large
             ? run<D, SharedMemory::large>(c, launch)
             : run<D, SharedMemory::small>(c, launch);
}

}  // namespace

Status attention(const Command& c, const Launch& launch) {
  switch (c.integer(pt::attention::head_dim)) {
    case 32:
      return run<32>(c, launch);
    case 64:
      return run<64>(c, launch);
    case 80:
      return run<80>(c, launch);
    case 96:
      return run<96>(c, launch);
    default:
      return run<128>(c, launch);
  }
}

}  // namespace pt::cuda
