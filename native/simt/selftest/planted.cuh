// The kernels with planted bugs, each a template: <true> has the bug, <false> is its clean twin.
#pragma once
#include "cuda/bf16.cuh"
#include "cuda/reduce.cuh"

namespace selftest::planted_kernels {

using namespace pt::cuda;

constexpr int kThreads = 128;
constexpr int kVector = 4;                 // floats in 16 bytes
constexpr int kTile = kThreads * kVector;  // floats a block copies at a time

PT_DEVICE float* as_floats(unsigned char* shared) { return reinterpret_cast<float*>(shared); }

/// Starts the copy of this thread's 16 bytes of a tile.
PT_DEVICE void copy_tile(float* to, const float* from) {
  const int i = static_cast<int>(threadIdx.x) * kVector;
  cp_async_16(shared_address(to + i), from + i, true);
}

// ---- order within a block

/// A wait ends a thread's own copies; those of others need the barrier.
template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) no_barrier_after_wait(const float* x, float* y) {
  PT_SHARED(shared);
  float* tile = as_floats(shared);
  copy_tile(tile, x);
  cp_async_commit();
  cp_async_wait<0>();
  if (!kPlanted) sync_block();
  y[threadIdx.x] = tile[kTile - 1 - threadIdx.x];
}

/// The barrier must come before the next tile is fetched into a stage that slower warps still read.
template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) prefetch_too_early(const float* x, float* y, int tiles) {
  PT_SHARED(shared);
  float* stages = as_floats(shared);  // [2, kTile]
  copy_tile(stages, x);
  cp_async_commit();
  float sum = 0;
  for (int n = 0; n < tiles; n++) {
    float* stage = stages + n % 2 * kTile;
    cp_async_wait<0>();
    if (!kPlanted) sync_block();
    if (n + 1 < tiles) copy_tile(stages + (n + 1) % 2 * kTile, x + (n + 1) * kTile);
    cp_async_commit();
    if (kPlanted) sync_block();
    sum += stage[kTile - 1 - threadIdx.x];
  }
  cp_async_wait<0>();
  y[threadIdx.x] = sum;
}

/// Two reductions through the same scratch memory.
template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) no_barrier_between_reductions(const float* x, float* y) {
  PT_SHARED(shared);
  float* scratch = as_floats(shared);  // [4]
  const float v = x[threadIdx.x];
  const float sum = warp_sum(v), greatest = warp_max(v);
  if (lane_id() == 0) scratch[warp_id()] = sum;
  sync_block();
  const float total = scratch[0] + scratch[1] + scratch[2] + scratch[3];
  if (!kPlanted) sync_block();
  if (lane_id() == 0) scratch[warp_id()] = greatest;
  sync_block();
  y[threadIdx.x] = total + scratch[3];
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) wait_counts_wrong(const float* x, float* y) {
  PT_SHARED(shared);
  float* tile = as_floats(shared);
  copy_tile(tile, x);
  cp_async_commit();
  copy_tile(tile + kTile, x + kTile);
  cp_async_commit();
  cp_async_wait<kPlanted ? 2 : 1>();
  sync_block();
  y[threadIdx.x] = tile[kTile - 1 - threadIdx.x];
  cp_async_wait<0>();
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) copies_left_at_exit(const float* x, float* y) {
  PT_SHARED(shared);
  copy_tile(as_floats(shared), x);
  cp_async_commit();
  if (!kPlanted) cp_async_wait<0>();
  y[threadIdx.x] = 1;
}

/// A shuffle moves values of registers; it orders no memory.
template <bool kPlanted>
__global__ void __launch_bounds__(32) shuffle_for_sync_warp(float* y) {
  PT_SHARED(shared);
  float* row = as_floats(shared);  // [32]
  row[threadIdx.x] = static_cast<float>(threadIdx.x);
  if (kPlanted)
    y[threadIdx.x] = shuffle_xor(0.0f, 1) + row[threadIdx.x ^ 1];
  else {
    sync_warp();
    y[threadIdx.x] = row[threadIdx.x ^ 1];
  }
}

/// All threads read, one writes; under the sequential policy it is the last to run, so nobody reads what it wrote.
template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) write_after_reads_of_the_block(float* y) {
  PT_SHARED(shared);
  float* value = as_floats(shared);
  if (threadIdx.x == 0) *value = 1;
  sync_block();
  y[threadIdx.x] = *value;
  if (!kPlanted) sync_block();
  if (threadIdx.x == kThreads - 33) *value = 2;
}

/// The shuffles let all lanes read before one writes, but they order nothing.
template <bool kPlanted>
__global__ void __launch_bounds__(32) write_after_reads_of_the_warp(float* y) {
  PT_SHARED(shared);
  float* value = as_floats(shared);
  if (threadIdx.x == 0) *value = 1;
  sync_warp();
  y[threadIdx.x] = warp_sum(*value);
  if (!kPlanted) sync_warp();
  if (threadIdx.x == 31) *value = 2;  // the first to read, under the sequential policy: the others count too
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) plain_count_in_shared(int* y) {
  PT_SHARED(shared);
  int* count = reinterpret_cast<int*>(shared);
  if (threadIdx.x == 0) *count = 0;
  sync_block();
  if (kPlanted)
    *count += 1;
  else
    atomic_add(count, 1);
  sync_block();
  y[threadIdx.x] = *count;
}

// ---- bounds, alignment, what nobody wrote

/// What is masked afterwards must not be read in the first place.
template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) read_then_mask(const float* x, float* y, int n) {
  const int i = static_cast<int>(threadIdx.x);
  float v = 0;
  if (kPlanted || i < n) v = x[i];
  y[i] = i < n ? v : 0;
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) copy_then_mask(const float* x, float* y, int n) {
  PT_SHARED(shared);
  float* tile = as_floats(shared);
  const int i = static_cast<int>(threadIdx.x) * kVector;
  cp_async_16(shared_address(tile + i), kPlanted || i < n ? x + i : x, kPlanted || i < n);
  cp_async_commit();
  cp_async_wait<0>();
  y[threadIdx.x] = i < n ? tile[i] : 0;
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) past_the_end_of_shared(float* y) {
  PT_SHARED(shared);
  float* row = as_floats(shared);  // [kThreads]
  row[threadIdx.x + (kPlanted ? 1 : 0)] = 1;
  sync_block();
  y[threadIdx.x] = row[kThreads - 1];
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) uninitialised_shared(float* y) {
  PT_SHARED(shared);
  float* row = as_floats(shared);
  if (!kPlanted || threadIdx.x < kThreads - 1) row[threadIdx.x] = 1;
  sync_block();
  const float v = row[kThreads - 1 - threadIdx.x];
  y[threadIdx.x] = v == v ? v : 0;
}

/// Of y itself, which is fresh from cudaMalloc.
template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) uninitialised_global(float* y) {
  y[threadIdx.x] = kPlanted ? y[threadIdx.x] + 1 : 1;
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) misaligned_vector(const float* x, float* y) {
  const float4 v = *reinterpret_cast<const float4*>(x + threadIdx.x * kVector + (kPlanted ? 1 : 0));
  y[threadIdx.x] = v.x + v.w;
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) misaligned_store(float* y) {
  float2 v;
  v.x = 1, v.y = 2;
  *reinterpret_cast<float2*>(y + threadIdx.x * 2 + (kPlanted ? 1 : 0)) = v;
}

template <bool kPlanted>
__global__ void __launch_bounds__(32) misaligned_matrix_row(float* y) {
  PT_SHARED(shared);
  for (int i = 0; i < 5; i++) as_floats(shared)[i * 32 + threadIdx.x] = 1;  // 32 rows of 16 bytes, and some
  sync_block();
  uint32_t r[4];
  ldmatrix_x4(r, shared_address(shared) + threadIdx.x * 16 + (kPlanted ? 8 : 0));
  y[threadIdx.x] = bits_to_float(r[0] ^ r[3]);
}

// ---- between blocks

template <bool kPlanted>
__global__ void __launch_bounds__(32) plain_sum_of_blocks(int* y) {
  if (threadIdx.x != 0) return;
  if (kPlanted)
    *y += 1;
  else
    atomic_add(y, 1);
}

/// Even when all write the same.
template <bool kPlanted>
__global__ void __launch_bounds__(32) blocks_write_the_same(float* y) {
  y[kPlanted ? threadIdx.x : blockIdx.x * 32 + threadIdx.x] = 1;
}

/// Shifting in place: a block reads what its neighbour overwrites.
template <bool kPlanted>
__global__ void __launch_bounds__(32) shift_in_place(float* y) {
  const int i = static_cast<int>(blockIdx.x * 32 + threadIdx.x);
  const float next = y[kPlanted ? i + 1 : i];
  sync_warp();
  y[i] = next;
}

// ---- what a warp must do together

template <bool kPlanted>
__global__ void __launch_bounds__(32) shuffle_in_a_branch(float* y) {
  float v = static_cast<float>(threadIdx.x);
  if (!kPlanted || threadIdx.x < 16) v = shuffle_xor(v, 1);
  y[threadIdx.x] = v;
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) barriers_apart(float* y) {
  if (!kPlanted || lane_id() < 16) {
    y[threadIdx.x] = 1;
    sync_block();
  } else {
    y[threadIdx.x] = 2;
    sync_block();
  }
}

template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) ended_lanes_are_missed(float* y) {
  if (threadIdx.x % 32 == 31 && kPlanted) return;
  y[threadIdx.x] = warp_sum(1.0f);
}

/// Threads that have ended count as arrived at a barrier: not a bug by itself.
template <bool kPlanted>
__global__ void __launch_bounds__(kThreads) barrier_in_a_branch(float* y) {
  if (threadIdx.x < 64) {
    if (kPlanted) sync_warp();
    return;
  }
  if (kPlanted && threadIdx.x < 80)
    pt::cuda::ballot(true);
  else
    sync_block();
  y[threadIdx.x] = 1;
}

}  // namespace selftest::planted_kernels
