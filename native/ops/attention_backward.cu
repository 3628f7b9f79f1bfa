// Three kernels: row_stats prepares lse and δ of every row, key_gradients keeps keys and values and streams queries,
// query_gradients keeps queries and streams keys. Both of the latter compute the probabilities anew, so that one warp
// sums each gradient, in order: seven products instead of the five that float atomics would allow, for the same bits
// in every run.
#include <cmath>

#include "cuda/attention_blocking.h"
#include "cuda/attention_tile.cuh"
#include "cuda/kernels.h"
#include "ops/attention.h"

namespace pt::cuda {
namespace attention_backward_kernels {

struct Arguments {
  const bf16* qkv;   // [B·T, (H+2G)·D]
  const bf16* y;     // [B·T, H·D]
  const bf16* dy;    // [B·T, H·D]
  const float* lse;  // [B·H, T]
  float2* stats;     // [B·H, stats_stride]: lse · log₂e and δ of a row; zeros from T on
  bf16* dqkv;        // [B·T, (H+2G)·D]
  int B, T, H, G;
  int stats_stride;
  int heads_at_once;
  float scale;       // 1 / √D
  float log2_scale;  // log₂e / √D: probabilities are powers of two
};

constexpr int kStatsThreads = 256;

/// A block has kRowStatsBlock rows of one head. A few lanes share a row, as many as are a power of two that divides its
/// chunks. Bytes: y and dy once; every thread has all its loads under way at a time.
template <int D>
__global__ void __launch_bounds__(kStatsThreads) row_stats(Arguments a) {
  constexpr int kLanes = SharedRows<D>::kSpread, kChunks = D / 8 / kLanes;
  constexpr int kStep = kStatsThreads / kLanes, kPasses = kRowStatsBlock / kStep;
  const int blocks_a_head = a.stats_stride / static_cast<int>(kRowStatsBlock);
  const int head = static_cast<int>(blockIdx.x) / blocks_a_head, sequence = head / a.H;
  const int row0 = static_cast<int>(blockIdx.x) % blocks_a_head * static_cast<int>(kRowStatsBlock) +
                   static_cast<int>(threadIdx.x) / kLanes;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int64_t first = (static_cast<int64_t>(sequence) * a.T * a.H + head % a.H) * D + lane * 8;

  float delta[kPasses];
#pragma unroll
  for (int pass = 0; pass < kPasses; pass++) {
    const int row = row0 + pass * kStep;
    const int64_t at = first + static_cast<int64_t>((row < a.T ? row : a.T - 1) * a.H) * D;
    delta[pass] = 0;
#pragma unroll
    for (int chunk = 0; chunk < kChunks; chunk++) {
      float y[8], dy[8];
      load8(y, a.y + at + chunk * kLanes * 8);
      load8(dy, a.dy + at + chunk * kLanes * 8);
#pragma unroll
      for (int i = 0; i < 8; i++) delta[pass] += y[i] * dy[i];
    }
  }
#pragma unroll
  for (int pass = 0; pass < kPasses; pass++) {
    constexpr float kLog2E = 1.4426950408889634f;
    const int row = row0 + pass * kStep;
#pragma unroll
    for (int mask = kLanes / 2; mask > 0; mask /= 2) delta[pass] += shuffle_xor(delta[pass], mask);
    if (lane != 0) continue;
    float2 stats;
    stats.x = row < a.T ? a.lse[static_cast<int64_t>(head) * a.T + row] * kLog2E : 0.0f;
    stats.y = row < a.T ? delta[pass] : 0.0f;
    a.stats[static_cast<int64_t>(head) * a.stats_stride + row] = stats;
  }
}

/// p and dp become p and ds = p · (dp − δ), zero where `seen` is false.
PT_DEVICE void differentiate(float& p, float& dp, bool seen, float lse, float delta, float log2_scale) {
  p = seen ? exp2_approx(p * log2_scale - lse) : 0.0f;
  dp = p * (dp - delta);
}

/// One tile of queries against a warp's keys: everything is transposed, keys are rows, so that p and ds come out as the
/// left operands of dv and dk. `ahead`: this lane's first key minus the tile's first query; with kMasked, keys behind a
/// query are left out.
template <int D, int kQueries, bool kMasked, int kBands>
PT_DEVICE void add_key_gradients(float (&dk)[kBands][D / 8][4], float (&dv)[kBands][D / 8][4], uint32_t keys,
                                 uint32_t values, uint32_t queries, uint32_t dy, const float4* stats, int ahead,
                                 float log2_scale) {
  float p[kBands][kQueries / 8][4] = {}, ds[kBands][kQueries / 8][4] = {};
  add_rows_by_rows<D>(p, keys, queries);
  add_rows_by_rows<D>(ds, values, dy);
  const int t = lane_id() % 4;
#pragma unroll
  for (int j = 0; j < kQueries / 8; j++) {
    const float4 two = stats[4 * j + t];  // of queries 8j + 2t and the next
#pragma unroll
    for (int band = 0; band < kBands; band++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const int from_query = ahead + 16 * band + 8 * half - 2 * t;
        float(&x)[4] = p[band][j], (&dx)[4] = ds[band][j];
        differentiate(x[2 * half], dx[2 * half], !kMasked || from_query <= 8 * j, two.x, two.y, log2_scale);
        differentiate(x[2 * half + 1], dx[2 * half + 1], !kMasked || from_query <= 8 * j + 1, two.z, two.w, log2_scale);
      }
  }
  add_registers_by_rows<D>(dv, p, dy);
  add_registers_by_rows<D>(dk, ds, queries);
}

template <int D, int kBands>
PT_DEVICE void scale_rows(float (&x)[kBands][D / 8][4], float scale) {
#pragma unroll
  for (int band = 0; band < kBands; band++)
#pragma unroll
    for (int j = 0; j < D / 8; j++)
#pragma unroll
      for (int i = 0; i < 4; i++) x[band][j][i] *= scale;
}

/// A block has kKeys keys and values of one key/value head, and streams the queries and dy from the diagonal on, one
/// query head of the group after the other.
template <int D, int kKeys, int kQueries, int kWarps, int kBlocks>
__global__ void __launch_bounds__(kWarps * 32, kBlocks) key_gradients(Arguments a) {
  PT_SHARED(shared);
  constexpr int kBands = kKeys / 16 / kWarps, kThreads = kWarps * 32;
  constexpr uint32_t kKeyBytes = kKeys * 2 * D, kTileBytes = kQueries * 2 * D;
  constexpr uint32_t kStatsOffset = 2 * kTileBytes, kStageBytes = kStatsOffset + kQueries * sizeof(float2);
  const int width = (a.H + 2 * a.G) * D, group = a.H / a.G, blocks = (a.T + kQueries - 1) / kQueries;
  const Assignment own(static_cast<int>(blockIdx.x), a.B * a.G, (a.T + kKeys - 1) / kKeys, a.heads_at_once);
  const int sequence = own.head / a.G, g = own.head % a.G;
  const int key0 = own.rank * kKeys, first_block = key0 / kQueries;  // the first keys are seen by the most queries

  const uint32_t key_tile = shared_address(shared), value_tile = key_tile + kKeyBytes;
  const uint32_t stages = key_tile + 2 * kKeyBytes;
  const int64_t row0 = static_cast<int64_t>(sequence) * a.T;
  int next_head = g * group, next_block = first_block;
  const auto load_next = [&](int stage) {
    const int query0 = next_block * kQueries, valid = a.T - query0;
    const uint32_t tile = stages + stage * kStageBytes;
    load_rows<D, kQueries, kThreads>(tile, a.qkv + (row0 + query0) * width + next_head * D, width, valid);
    load_rows<D, kQueries, kThreads>(tile + kTileBytes, a.dy + ((row0 + query0) * a.H + next_head) * D, a.H * D, valid);
    const int pair = static_cast<int>(threadIdx.x);
    if (pair < kQueries / 2) {
      const int64_t head = sequence * a.H + next_head;
      cp_async_16(tile + kStatsOffset + pair * 16, a.stats + head * a.stats_stride + query0 + 2 * pair, true);
    }
    cp_async_commit();
    if (++next_block == blocks) next_block = first_block, next_head++;
  };
  const int64_t keys_at = (row0 + key0) * width + (a.H + g) * D, values_at = keys_at + a.G * D;
  load_rows<D, kKeys, kThreads>(key_tile, a.qkv + keys_at, width, a.T - key0);
  load_rows<D, kKeys, kThreads>(value_tile, a.qkv + values_at, width, a.T - key0);
  load_next(0);

  const int warp_row = warp_id() * 16 * kBands;
  const uint32_t keys = key_tile + warp_row * 2 * D, values = value_tile + warp_row * 2 * D;
  float dk[kBands][D / 8][4] = {}, dv[kBands][D / 8][4] = {};
  int stage = 0;
  for (int member = 0; member < group; member++)
    for (int block = first_block; block < blocks; block++, stage ^= 1) {
      cp_async_wait<0>();
      sync_block();  // the stage has arrived for all, and all are done with the other one
      if (member + 1 < group || block + 1 < blocks) load_next(stage ^ 1);
      const uint32_t queries = stages + stage * kStageBytes, dy = queries + kTileBytes;
      const auto* stats = reinterpret_cast<const float4*>(shared + 2 * kKeyBytes + stage * kStageBytes + kStatsOffset);
      const int query0 = block * kQueries, ahead = key0 + warp_row + lane_id() / 4 - query0;
      if (key0 + kKeys <= query0 + 1)
        add_key_gradients<D, kQueries, false>(dk, dv, keys, values, queries, dy, stats, ahead, a.log2_scale);
      else
        add_key_gradients<D, kQueries, true>(dk, dv, keys, values, queries, dy, stats, ahead, a.log2_scale);
    }

  scale_rows<D>(dk, a.scale);
  const int valid = a.T - key0 - warp_row;
  const int64_t warp_at = static_cast<int64_t>(warp_row) * width;
  store_rows<D>(a.dqkv + keys_at + warp_at, width, valid, dk, shared + warp_row * 2 * D);
  store_rows<D>(a.dqkv + values_at + warp_at, width, valid, dv, shared + kKeyBytes + warp_row * 2 * D);
}

/// lse · log₂e and δ of a lane's rows g and g + 8 of every band.
template <int kBands>
struct RowStats {
  float2 of[kBands][2];
};

/// One tile of keys against a warp's queries. `query`: the first row of this lane minus the tile's first key; with
/// kMasked, keys behind a row's query are left out.
template <int D, int kKeys, bool kMasked, int kBands>
PT_DEVICE void add_query_gradients(float (&dq)[kBands][D / 8][4], const RowStats<kBands>& stats, uint32_t queries,
                                   uint32_t dy, uint32_t keys, uint32_t values, int query, float log2_scale) {
  float p[kBands][kKeys / 8][4] = {}, ds[kBands][kKeys / 8][4] = {};
  add_rows_by_rows<D>(p, queries, keys);
  add_rows_by_rows<D>(ds, dy, values);
#pragma unroll
  for (int band = 0; band < kBands; band++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int last_key = query + 16 * band + 8 * half - lane_id() % 4 * 2;
      const float2 row = stats.of[band][half];
#pragma unroll
      for (int j = 0; j < kKeys / 8; j++)
#pragma unroll
        for (int i = 0; i < 2; i++)
          differentiate(p[band][j][2 * half + i], ds[band][j][2 * half + i], !kMasked || 8 * j + i <= last_key, row.x,
                        row.y, log2_scale);
    }
  add_registers_by_rows<D>(dq, ds, keys);
}

/// A block has kQueries rows of one head, and streams that head's keys and values up to the diagonal.
template <int D, int kQueries, int kKeys, int kWarps, int kBlocks>
__global__ void __launch_bounds__(kWarps * 32, kBlocks) query_gradients(Arguments a) {
  PT_SHARED(shared);
  constexpr int kBands = kQueries / 16 / kWarps, kThreads = kWarps * 32;
  constexpr uint32_t kQueryBytes = kQueries * 2 * D, kTileBytes = kKeys * 2 * D, kStageBytes = 2 * kTileBytes;
  const int tiles = (a.T + kQueries - 1) / kQueries, width = (a.H + 2 * a.G) * D;
  const Assignment own(static_cast<int>(blockIdx.x), a.B * a.H, tiles, a.heads_at_once);
  const int sequence = own.head / a.H, h = own.head % a.H, g = h / (a.H / a.G);
  const int query0 = (tiles - 1 - own.rank) * kQueries;  // the last rows see the most keys

  const int64_t sequence_row = static_cast<int64_t>(sequence) * a.T;
  const bf16* keys_at = a.qkv + sequence_row * width + (a.H + g) * D;
  const uint32_t query_tile = shared_address(shared), dy_tile = query_tile + kQueryBytes;
  const uint32_t stages = query_tile + 2 * kQueryBytes;
  const auto load_stage = [&](int block) {
    const uint32_t stage = stages + block % 2 * kStageBytes;
    const bf16* from = keys_at + block * kKeys * width;
    load_rows<D, kKeys, kThreads>(stage, from, width, a.T - block * kKeys);
    load_rows<D, kKeys, kThreads>(stage + kTileBytes, from + a.G * D, width, a.T - block * kKeys);
    cp_async_commit();
  };
  const int64_t queries_at = (sequence_row + query0) * width + h * D;
  load_rows<D, kQueries, kThreads>(query_tile, a.qkv + queries_at, width, a.T - query0);
  load_rows<D, kQueries, kThreads>(dy_tile, a.dy + ((sequence_row + query0) * a.H + h) * D, a.H * D, a.T - query0);
  load_stage(0);

  const int warp_row = warp_id() * 16 * kBands, query = query0 + warp_row + lane_id() / 4;
  const uint32_t queries = query_tile + warp_row * 2 * D, dy = dy_tile + warp_row * 2 * D;
  RowStats<kBands> stats;
#pragma unroll
  for (int band = 0; band < kBands; band++)
#pragma unroll
    for (int half = 0; half < 2; half++)
      stats.of[band][half] = a.stats[static_cast<int64_t>(own.head) * a.stats_stride + query + 16 * band + 8 * half];

  float dq[kBands][D / 8][4] = {};
  const int seen = query0 + kQueries < a.T ? query0 + kQueries : a.T, blocks = (seen + kKeys - 1) / kKeys;
  for (int block = 0; block < blocks; block++) {
    cp_async_wait<0>();
    sync_block();  // the stage has arrived for all, and all are done with the other one
    if (block + 1 < blocks) load_stage(block + 1);
    const uint32_t keys = stages + block % 2 * kStageBytes, values = keys + kTileBytes;
    const int key0 = block * kKeys;
    if (key0 + kKeys <= query0 + 1)
      add_query_gradients<D, kKeys, false>(dq, stats, queries, dy, keys, values, query - key0, a.log2_scale);
    else
      add_query_gradients<D, kKeys, true>(dq, stats, queries, dy, keys, values, query - key0, a.log2_scale);
  }

  scale_rows<D>(dq, a.scale);
  store_rows<D>(a.dqkv + queries_at + static_cast<int64_t>(warp_row) * width, width, a.T - query0 - warp_row, dq,
                shared + warp_row * 2 * D);
}

}  // namespace attention_backward_kernels

// ------------------------------------------------------------------------------------------------------------------

namespace {

using Arguments = attention_backward_kernels::Arguments;

/// But for heads_at_once, which differs between the kernels.
Arguments arguments_of(const Command& c, const Launch& launch) {
  namespace op = pt::attention_backward;
  const int64_t T = c.integer(op::positions), D = c.integer(op::head_dim);
  Arguments a;
  a.qkv = static_cast<const bf16*>(c.tensor(op::qkv).data);
  a.y = static_cast<const bf16*>(c.tensor(op::y).data);
  a.dy = static_cast<const bf16*>(c.tensor(op::dy).data);
  a.lse = c.f32(op::lse);
  a.stats = static_cast<float2*>(launch.workspace);
  a.dqkv = static_cast<bf16*>(c.tensor(op::dqkv).data);
  a.B = static_cast<int>(c.dim(op::qkv, 0) / T);
  a.T = static_cast<int>(T);
  a.H = static_cast<int>(c.integer(op::heads));
  a.G = static_cast<int>(c.integer(op::kv_heads));
  a.stats_stride = static_cast<int>(row_stats_stride(T));
  a.heads_at_once = 0;
  a.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(D)));
  a.log2_scale = static_cast<float>(1.4426950408889634 / std::sqrt(static_cast<double>(D)));
  return a;
}

template <int D, SharedMemory kMemory>
Status run(const Command& c, const Launch& launch) {
  namespace kernels = attention_backward_kernels;
  Arguments a = arguments_of(c, launch);
  const unsigned heads = static_cast<unsigned>(a.B * a.H), pairs = static_cast<unsigned>(a.B * a.G);
  const Status prepared = start(launch, "attention_backward, row stats", kernels::row_stats<D>,
                                dim3(heads * blocks_for(a.T, kRowStatsBlock)), dim3(kernels::kStatsThreads), 0, a);
  if (!prepared.ok()) return prepared;

  constexpr Tile k = key_gradient_tile(D);
  constexpr size_t kKeyShared = 2 * (k.kept + 2 * k.streamed) * 2 * D + 2 * k.streamed * sizeof(float2);
  const int64_t bytes = static_cast<int64_t>(a.T) * D * 4;  // of a query head's q and dy, or a pair's keys and values
  a.heads_at_once = heads_at_once(pairs, bytes * (a.H / a.G));
  const Status keys = start(launch, "attention_backward, keys and values",
                            kernels::key_gradients<D, k.kept, k.streamed, k.warps, k.blocks>,
                            dim3(pairs * blocks_for(a.T, k.kept)), dim3(k.warps * 32), kKeyShared, a);
  if (!keys.ok()) return keys;

  constexpr Tile q = query_gradient_tile(D, kMemory);
  constexpr size_t kQueryShared = 2 * (q.kept + 2 * q.streamed) * 2 * D;
  a.heads_at_once = heads_at_once(pairs, bytes) * (a.H / a.G);
  return start(launch, "attention_backward, queries",
               kernels::query_gradients<D, q.kept, q.streamed, q.warps, q.blocks>,
               dim3(heads * blocks_for(a.T, q.kept)), dim3(q.warps * 32), kQueryShared, a);
}

template <int D>
Status run(const Command& c, const Launch& launch) {
  return shared_memory_class(launch.device.shared_bytes_a_block) == SharedMemory::large
             ? run<D, SharedMemory::large>(c, launch)
             : run<D, SharedMemory::small>(c, launch);
}

}  // namespace

Status attention_backward(const Command& c, const Launch& launch) {
  switch (c.integer(pt::attention_backward::head_dim)) {
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
