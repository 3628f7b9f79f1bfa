// Generation reads the whole cache for a handful of rows: nothing but memory traffic. A row and head is cut into splits
// of positions that run at the same time, each an online softmax of its own; a second kernel joins them in order.
#include <cmath>

#include "cuda/attention_blocking.h"
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "ops/cached_attention.h"

namespace pt::cuda {
namespace {

/// False, and a fault, unless rows first … first + n − 1 lie in a cache of P positions.
PT_DEVICE bool in_cache(int first, int n, int P, const FaultReport& fault) {
  if (first >= 0 && first <= P - n) return true;
  if (blockIdx.x == 0 && threadIdx.x == 0)
    fault.raise(FaultKind::position, 0, first < 0 ? first : static_cast<int64_t>(first) + n - 1, P);
  return false;
}

}  // namespace

namespace kv_append_kernels {

struct Arguments {
  const bf16* qkv;          // [n, (H+2G)·D]
  bf16* cache;              // [2, P, G·D]
  const int32_t* position;  // [1]
  int n, P;
  int width, key_width;  // (H+2G)·D, G·D
};

constexpr int kThreads = 256;

/// A thread copies one chunk of 16 bytes of a row's keys and values, which lie side by side in qkv.
__global__ void __launch_bounds__(kThreads) append(Arguments a, FaultReport fault) {
  const int first = *a.position;
  if (!in_cache(first, a.n, a.P, fault)) return;
  const int chunks = a.key_width / 4;  // of keys and values together
  const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x), row = i / chunks;
  if (row >= a.n) return;
  const int column = i % chunks * 8, plane = column / a.key_width;
  const bf16* from = a.qkv + static_cast<int64_t>(row + 1) * a.width - 2 * a.key_width + column;
  bf16* to = a.cache + (static_cast<int64_t>(plane) * a.P + first + row) * a.key_width + column % a.key_width;
  *reinterpret_cast<uint4*>(to) = *reinterpret_cast<const uint4*>(from);
}

}  // namespace kv_append_kernels

namespace cached_attention_kernels {

struct Arguments {
  const bf16* qkv;          // [n, (H+2G)·D]
  const bf16* cache;        // [2, P, G·D]
  bf16* y;                  // [n, H·D]
  const int32_t* position;  // [1]
  float* partials;          // [n·H, splits, partial_floats(D)]
  int n, P, H, G;
  int splits, split_positions;
  float log2_scale;  // log₂e / √D: softmax runs on powers of two
};

constexpr int kWarps = 4, kThreads = kWarps * 32;
constexpr int kKeysAtOnce = 4;  // whose chunks a lane has under way at a time

/// An online softmax over some of the keys, and as many columns of the sum of values as its owner keeps.
template <int kColumns>
struct Partial {
  float y[kColumns] = {};
  float max = -INFINITY;
  float sum = 0;

  /// What sums so far count for once the maximum is `greater`. The maximum of nothing at all corrects nothing.
  PT_DEVICE static float correction(float max, float greater) {
    return max == -INFINITY ? 0.0f : exp2_approx(max - greater);
  }
  PT_DEVICE void join(const Partial& other) {
    const float greater = fmaxf(max, other.max), mine = correction(max, greater);
    const float theirs = correction(other.max, greater);
#pragma unroll
    for (int i = 0; i < kColumns; i++) y[i] = y[i] * mine + other.y[i] * theirs;
    sum = sum * mine + other.sum * theirs;
    max = greater;
  }
};

/// The lanes that share a key: a power of two that divides its chunks of 16 bytes.
template <int D>
struct Team {
  static constexpr int kLanes = D == 128 ? 16 : D == 64 ? 8 : D == 80 ? 2 : 4;
  static constexpr int kChunks = D / 8 / kLanes;  // of a lane, kLanes chunks apart
  static constexpr int kColumns = kChunks * 8;
  static constexpr int kTeams = kThreads / kLanes;  // in a block
  static constexpr int kPartialFloats = static_cast<int>(partial_floats(D));
};

/// Keys j < kKeysAtOnce, kTeams apart; those from `count` on are not there.
template <int D>
PT_DEVICE void attend(Partial<Team<D>::kColumns>& partial, const float (&q)[Team<D>::kChunks][8], const bf16* keys,
                      const bf16* values, int stride, int count) {
  using T = Team<D>;
  uint4 value[kKeysAtOnce][T::kChunks];
  float s[kKeysAtOnce];
#pragma unroll
  for (int j = 0; j < kKeysAtOnce; j++) {
    const int64_t row = static_cast<int64_t>(j < count ? j : 0) * T::kTeams * stride;
    s[j] = 0;
#pragma unroll
    for (int chunk = 0; chunk < T::kChunks; chunk++) {
      float key[8];
      load8(key, keys + row + chunk * T::kLanes * 8);
      value[j][chunk] = *reinterpret_cast<const uint4*>(values + row + chunk * T::kLanes * 8);
#pragma unroll
      for (int i = 0; i < 8; i++) s[j] += q[chunk][i] * key[i];
    }
  }
  float top = partial.max;
#pragma unroll
  for (int j = 0; j < kKeysAtOnce; j++) {
#pragma unroll
    for (int mask = T::kLanes / 2; mask > 0; mask /= 2) s[j] += shuffle_xor(s[j], mask);
    if (j >= count) s[j] = -INFINITY;
    top = fmaxf(top, s[j]);
  }
  const float correction = partial.correction(partial.max, top);
  partial.max = top;
  partial.sum *= correction;
#pragma unroll
  for (int i = 0; i < T::kColumns; i++) partial.y[i] *= correction;
#pragma unroll
  for (int j = 0; j < kKeysAtOnce; j++) {
    const float p = partial.correction(s[j], top);
    partial.sum += p;
#pragma unroll
    for (int chunk = 0; chunk < T::kChunks; chunk++) {
      const uint32_t pairs[4] = {value[j][chunk].x, value[j][chunk].y, value[j][chunk].z, value[j][chunk].w};
#pragma unroll
      for (int i = 0; i < 4; i++) {
        partial.y[8 * chunk + 2 * i] += p * low_half(pairs[i]);
        partial.y[8 * chunk + 2 * i + 1] += p * high_half(pairs[i]);
      }
    }
  }
}

/// From the lanes of other teams of the warp.
template <int D>
PT_DEVICE void join_teams(Partial<Team<D>::kColumns>& partial) {
#pragma unroll
  for (int mask = Team<D>::kLanes; mask < 32; mask *= 2) {
    Partial<Team<D>::kColumns> other;
#pragma unroll
    for (int i = 0; i < Team<D>::kColumns; i++) other.y[i] = shuffle_xor(partial.y[i], mask);
    other.max = shuffle_xor(partial.max, mask);
    other.sum = shuffle_xor(partial.sum, mask);
    partial.join(other);
  }
}

/// A block has one split of one row and head; heads of a group run next to one another, so that their common keys come
/// from memory once. A split behind the row's position has nothing to do.
template <int D>
__global__ void __launch_bounds__(kThreads) attend_split(Arguments a, FaultReport fault) {
  PT_SHARED(shared);
  using T = Team<D>;
  const int first = *a.position;
  if (!in_cache(first, a.n, a.P, fault)) return;
  const int h = static_cast<int>(blockIdx.x) % a.H, split = static_cast<int>(blockIdx.x) / a.H % a.splits;
  const int row = static_cast<int>(blockIdx.x) / a.H / a.splits, cached = first + row + 1;
  const int begin = split * a.split_positions, rest = cached - begin;
  const int count = rest < a.split_positions ? rest : a.split_positions;  // positions of this split
  if (count <= 0) return;

  const int lane = static_cast<int>(threadIdx.x) % T::kLanes, team = static_cast<int>(threadIdx.x) / T::kLanes;
  const int key_width = a.G * D;
  float q[T::kChunks][8];
#pragma unroll
  for (int chunk = 0; chunk < T::kChunks; chunk++) {
    load8(q[chunk], a.qkv + static_cast<int64_t>(row) * (a.H + 2 * a.G) * D + h * D + (chunk * T::kLanes + lane) * 8);
#pragma unroll
    for (int i = 0; i < 8; i++) q[chunk][i] *= a.log2_scale;
  }
  const bf16* keys = a.cache + static_cast<int64_t>(begin) * key_width + h / (a.H / a.G) * D + lane * 8;
  const bf16* values = keys + static_cast<int64_t>(a.P) * key_width;

  Partial<T::kColumns> partial;
  for (int position = 0; position < count; position += T::kTeams * kKeysAtOnce) {  // the same for all: they shuffle
    const int own = position + team, left = (count - own + T::kTeams - 1) / T::kTeams;
    const int64_t at = static_cast<int64_t>(own < count ? own : 0) * key_width;
    attend<D>(partial, q, keys + at, values + at, key_width, own < count ? left : 0);
  }

  join_teams<D>(partial);
  auto* by_warp = reinterpret_cast<float*>(shared);  // [kWarps, partial_floats(D)]
  const int warp = warp_id();
  if (lane_id() < T::kLanes) {
    float* to = by_warp + warp * T::kPartialFloats;
#pragma unroll
    for (int i = 0; i < T::kColumns; i++) to[(i / 8 * T::kLanes + lane) * 8 + i % 8] = partial.y[i];
    if (lane == 0) to[D] = partial.max, to[D + 1] = partial.sum;
  }
  sync_block();
  float* out = a.partials + (static_cast<int64_t>(row * a.H + h) * a.splits + split) * T::kPartialFloats;
  const int column = static_cast<int>(threadIdx.x);
  if (column >= D) return;
  Partial<1> total;
#pragma unroll
  for (int w = 0; w < kWarps; w++) {
    const float* from = by_warp + w * T::kPartialFloats;
    Partial<1> other;
    other.y[0] = from[column], other.max = from[D], other.sum = from[D + 1];
    total.join(other);
  }
  out[column] = total.y[0];
  if (column == 0) out[D] = total.max, out[D + 1] = total.sum;
}

template <int D>
constexpr int kJoinThreads = (D + 31) / 32 * 32;

/// A block has one row and head, a thread one column.
template <int D>
__global__ void __launch_bounds__(kJoinThreads<D>) join_splits(Arguments a) {
  using T = Team<D>;
  const int first = *a.position;
  if (first < 0 || first > a.P - a.n) return;  // told by attend_split
  const int task = static_cast<int>(blockIdx.x), row = task / a.H, column = static_cast<int>(threadIdx.x);
  if (column >= D) return;
  const int splits = (first + row) / a.split_positions + 1;
  const float* partials = a.partials + static_cast<int64_t>(task) * a.splits * T::kPartialFloats;
  Partial<1> total;
  for (int split = 0; split < splits; split++) {
    const float* from = partials + split * T::kPartialFloats;
    Partial<1> other;
    other.y[0] = from[column], other.max = from[D], other.sum = from[D + 1];
    total.join(other);
  }
  store(a.y + static_cast<int64_t>(task) * D + column, total.y[0] / total.sum);
}

}  // namespace cached_attention_kernels

// ------------------------------------------------------------------------------------------------------------------

Status kv_append(const Command& c, const Launch& launch) {
  namespace op = pt::kv_append;
  namespace kernels = kv_append_kernels;
  const int64_t n = c.dim(op::qkv, 0), key_width = c.dim(op::cache, 2);
  kernels::Arguments a;
  a.qkv = static_cast<const bf16*>(c.tensor(op::qkv).data);
  a.cache = static_cast<bf16*>(c.tensor(op::cache).data);
  a.position = c.i32(op::position);
  a.n = static_cast<int>(n), a.P = static_cast<int>(c.dim(op::cache, 1));
  a.width = static_cast<int>(c.dim(op::qkv, 1)), a.key_width = static_cast<int>(key_width);
  return start(launch, "kv_append", kernels::append, dim3(blocks_for(n * key_width / 4, kernels::kThreads)),
               dim3(kernels::kThreads), 0, a, launch.fault);
}

namespace {

template <int D>
Status run(const Command& c, const Launch& launch) {
  namespace op = pt::cached_attention;
  namespace kernels = cached_attention_kernels;
  const int64_t n = c.dim(op::qkv, 0), P = c.dim(op::cache, 1), H = c.integer(op::heads);
  const CacheSplits splits(n, P);
  kernels::Arguments a;
  a.qkv = static_cast<const bf16*>(c.tensor(op::qkv).data);
  a.cache = static_cast<const bf16*>(c.tensor(op::cache).data);
  a.y = static_cast<bf16*>(c.tensor(op::y).data);
  a.position = c.i32(op::position);
  a.partials = static_cast<float*>(launch.workspace);
  a.n = static_cast<int>(n), a.P = static_cast<int>(P);
  a.H = static_cast<int>(H), a.G = static_cast<int>(c.integer(op::kv_heads));
  a.splits = static_cast<int>(splits.count), a.split_positions = static_cast<int>(splits.positions);
  a.log2_scale = static_cast<float>(1.4426950408889634 / std::sqrt(static_cast<double>(D)));

  const Status attended =
      start(launch, "cached_attention", kernels::attend_split<D>, dim3(static_cast<unsigned>(n * H * splits.count)),
            dim3(kernels::kThreads), kernels::kWarps * partial_floats(D) * sizeof(float), a, launch.fault);
  if (!attended.ok()) return attended;
  return start(launch, "cached_attention, join", kernels::join_splits<D>, dim3(static_cast<unsigned>(n * H)),
               dim3(kernels::kJoinThreads<D>), 0, a);
}

}  // namespace

Status cached_attention(const Command& c, const Launch& launch) {
  switch (c.integer(pt::cached_attention::head_dim)) {
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
