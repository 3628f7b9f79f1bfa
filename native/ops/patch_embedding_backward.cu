// Σ dy over the positions of each token, in a fixed order and without atomics: the positions are sorted by token; each
// block sums a chunk of as many of them, token after token; what of a token lies in several chunks is joined, chunk
// after chunk. Chunks of equal length keep every block busy alike, however often the favourite tokens occur.
//
// The floor: each id, each row of dy and each row of dtable once. A row of dy is read K times, K − 1 of them from L2 as
// far as dy fits there.
#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "cuda/sort.h"
#include "ops/patch_embedding.h"

namespace pt::cuda {

namespace patch_embedding_backward_kernels {
struct Sums {
  const SortEntry* sorted;  // [n]: token (V: not a token) and row of dy, ordered by token
  const bf16* dy;           // [R, C]
  float* dtable;            // [V, C]
  float* partial;  // [chunks, 2, C]: of the token begun in the chunk before, of the one that goes on in the next
  int n, V, C;
  int chunk;  // entries a block
  float inverse;
  bool accumulate;
};
}  // namespace patch_embedding_backward_kernels

namespace {
using patch_embedding_backward_kernels::Sums;

constexpr int kThreads = 128;
constexpr int kAhead = 4;  // rows whose loads are under way together

/// The first of the sorted entries whose token is at least this; n if there is none.
PT_DEVICE int first_at_least(const SortEntry* sorted, int n, uint32_t token) {
  int low = 0, high = n;
  while (low < high) {
    const int middle = low + (high - low) / 2;
    if (sorted[middle].key < token)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

PT_DEVICE float* partial_of(const Sums& s, int chunk, int which, int column) {
  return s.partial + (2 * static_cast<int64_t>(chunk) + which) * s.C + column;
}

PT_DEVICE void write_row(const Sums& s, uint32_t token, int column, const float (&sum)[8]) {
  float* to = s.dtable + static_cast<int64_t>(token) * s.C + column;
  float out[8] = {0};
  if (s.accumulate) load8(out, to);
#pragma unroll
  for (int e = 0; e < 8; e++) out[e] += sum[e] * s.inverse;
  store8(to, out);
}

/// The column that this thread makes, with the seven after it.
PT_DEVICE int column_of_thread() { return static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x) * 8; }
}  // namespace

namespace patch_embedding_backward_kernels {

__global__ void __launch_bounds__(kThreads)
    make_entries(const int32_t* ids, SortEntry* entries, int n, int K, int V, FaultReport fault) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n) return;
  const int32_t id = ids[i];
  const bool valid = static_cast<uint32_t>(id) < static_cast<uint32_t>(V);
  if (!valid) fault.raise(FaultKind::token_id, i, id, V);
  entries[i] = {static_cast<uint32_t>(valid ? id : V), static_cast<int32_t>(i) / K};
}

/// One block a chunk, and as many columns as it has threads for.
__global__ void __launch_bounds__(kThreads) sum_chunks(Sums s) {
  PT_SHARED(shared);
  SortEntry* entries = reinterpret_cast<SortEntry*>(shared);  // [chunk]
  const int begin = static_cast<int>(blockIdx.x) * s.chunk;
  const int count = s.n - begin < s.chunk ? s.n - begin : s.chunk;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
    entries[i] = s.sorted[begin + i];
  sync_block();
  const int column = column_of_thread();
  if (column >= s.C) return;

  const uint32_t first = entries[0].key, last = entries[count - 1].key;
  const bool begun_before = begin > 0 && s.sorted[begin - 1].key == first;
  const bool goes_on = begin + count < s.n && s.sorted[begin + count].key == last;
  float sum[8] = {0};
#pragma unroll 1
  for (int group = 0; group < count; group += kAhead) {
    uint4 packed[kAhead];
#pragma unroll
    for (int a = 0; a < kAhead; a++)
      if (group + a < count)
        packed[a] =
            *reinterpret_cast<const uint4*>(s.dy + static_cast<int64_t>(entries[group + a].value) * s.C + column);
#pragma unroll
    for (int a = 0; a < kAhead; a++) {
      const int i = group + a;
      if (i >= count) continue;
      float x[8];
      unpack8(x, packed[a]);
#pragma unroll
      for (int e = 0; e < 8; e++) sum[e] += x[e];

      const uint32_t token = entries[i].key;
      if (i + 1 < count && entries[i + 1].key == token) continue;
      const bool from_before = begun_before && token == first, to_next = goes_on && token == last;
      if (token == static_cast<uint32_t>(s.V)) continue;  // these come last
      if (from_before || to_next)
        store8(partial_of(s, blockIdx.x, from_before ? 0 : 1, column), sum);
      else
        write_row(s, token, column, sum);
#pragma unroll
      for (int e = 0; e < 8; e++) sum[e] = 0;
    }
  }
}

/// One block a chunk: if a token begins in it and goes on in the next ones, adds up its sums there.
__global__ void __launch_bounds__(kThreads) join_chunks(Sums s) {
  const int chunk = static_cast<int>(blockIdx.x), begin = chunk * s.chunk, end = begin + s.chunk;
  if (end >= s.n) return;
  const uint32_t token = s.sorted[end - 1].key;
  if (s.sorted[end].key != token || token == static_cast<uint32_t>(s.V)) return;
  if (begin > 0 && s.sorted[begin - 1].key == token) return;  // it began in a chunk before
  const int column = column_of_thread();
  if (column >= s.C) return;

  const int last_chunk = (first_at_least(s.sorted, s.n, token + 1) - 1) / s.chunk;
  float sum[8];
  load8(sum, partial_of(s, chunk, 1, column));
#pragma unroll 4
  for (int next = chunk + 1; next <= last_chunk; next++) {
    float x[8];
    load8(x, partial_of(s, next, 0, column));
#pragma unroll
    for (int e = 0; e < 8; e++) sum[e] += x[e];
  }
  write_row(s, token, column, sum);
}

/// One warp a token: zeros for those that do not occur.
__global__ void __launch_bounds__(kThreads)
    zero_absent_rows(const SortEntry* sorted, float* dtable, int n, int V, int C) {
  const int64_t token = static_cast<int64_t>(blockIdx.x) * (kThreads / 32) + warp_id();
  if (token >= V) return;
  const int i = first_at_least(sorted, n, static_cast<uint32_t>(token));
  if (i < n && sorted[i].key == static_cast<uint32_t>(token)) return;
  const float zeros[4] = {0, 0, 0, 0};
  for (int column = 4 * lane_id(); column < C; column += 4 * 32) store4(dtable + token * C + column, zeros);
}
}  // namespace patch_embedding_backward_kernels

// -----------------------------------------------------------------------------------------------------------------

Status patch_embedding_backward(const Command& c, const Launch& launch) {
  namespace op = pt::patch_embedding_backward;
  using namespace patch_embedding_backward_kernels;
  const int64_t n = c.tensor(op::ids).size(), V = c.dim(op::dtable, 0), C = c.dim(op::dtable, 1);
  const int64_t K = c.integer(op::patch);
  const op::CudaWorkspace parts(n, C);
  unsigned char* workspace = static_cast<unsigned char*>(launch.workspace);
  SortEntry* entries = reinterpret_cast<SortEntry*>(workspace);
  SortEntry* spare = reinterpret_cast<SortEntry*>(workspace + parts.spare);
  int32_t* counts = reinterpret_cast<int32_t*>(workspace + parts.counts);

  Status status = start(launch, "patch_embedding_backward: entries", make_entries, dim3(blocks_for(n, kThreads)),
                        dim3(kThreads), 0, static_cast<const int32_t*>(c.i32(op::ids)), entries, static_cast<int>(n),
                        static_cast<int>(K), static_cast<int>(V), launch.fault);
  if (!status.ok()) return status;
  Sums sums{nullptr,
            static_cast<const bf16*>(c.tensor(op::dy).data),
            c.f32(op::dtable),
            reinterpret_cast<float*>(workspace + parts.partial),
            static_cast<int>(n),
            static_cast<int>(V),
            static_cast<int>(C),
            static_cast<int>(parts.chunk),
            1.0f / static_cast<float>(K),
            c.flag(op::accumulate)};
  status = sort(launch, entries, spare, counts, n, bits_of(static_cast<uint32_t>(V)), &sums.sorted);
  if (!status.ok()) return status;

  const int64_t threads = C / 8 < kThreads ? (C / 8 + 31) / 32 * 32 : kThreads;
  const dim3 grid(blocks_for(n, parts.chunk), blocks_for(C / 8, threads)), block(static_cast<unsigned>(threads));
  status = start(launch, "patch_embedding_backward: chunks", sum_chunks, grid, block,
                 static_cast<size_t>(parts.chunk) * sizeof(SortEntry), sums);
  if (!status.ok()) return status;
  status = start(launch, "patch_embedding_backward: joins", join_chunks, grid, block, 0, sums);
  if (!status.ok() || sums.accumulate) return status;
  return start(launch, "patch_embedding_backward: zeros", zero_absent_rows, dim3(blocks_for(V, kThreads / 32)),
               dim3(kThreads), 0, sums.sorted, sums.dtable, static_cast<int>(n), static_cast<int>(V),
               static_cast<int>(C));
}

}  // namespace pt::cuda
