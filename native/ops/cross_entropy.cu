// One block a row. The floor is one read of the logits and, with the gradient, one write: 4·V bytes a row. So a row
// waits in the registers of its block between the two, packed as it came; a row of more than 65,536 logits is read
// twice, the second time from the L2 cache.
#include <cmath>

#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "cuda/reduce.cuh"
#include "ops/cross_entropy.h"

namespace pt::cuda {

namespace cross_entropy_kernels {
/// The chunk of rows that a launch works on.
struct Chunk {
  bf16* logits;          // [r, V]
  const int32_t* ids;    // [B, S] = [B·T, K]
  double* loss;          // [r]
  const double* scale;   // [1]
  int first_row;         // of the chunk in the batch
  int positions, patch;  // T, K
  int vocabulary;        // V
  bool gradient;
};
}  // namespace cross_entropy_kernels

namespace {
using cross_entropy_kernels::Chunk;

constexpr float kLog2E = 1.44269504f;
constexpr uint32_t kTwoMinusInfinities = 0xff80ff80;  // as bf16

PT_DEVICE float exp_of(float x) { return exp2_approx(x * kLog2E); }

/// A row of logits: vectors of eight on the 16-byte grid, and, where V is no multiple of eight, up to seven single
/// logits before and after them, the edges.
struct Row {
  bf16* z;  // [V]
  int V;
  int head;     // single logits before the first vector
  int vectors;  // the first at column `head`
  int edges;    // single logits before and after the vectors

  PT_DEVICE Row(const Chunk& chunk, unsigned row) : V(chunk.vocabulary) {
    const int64_t begin = static_cast<int64_t>(row) * V;
    z = chunk.logits + begin;
    head = static_cast<int>(-begin & 7);
    if (head > V) head = V;
    vectors = (V - head) / 8;
    edges = V - 8 * vectors;
  }

  PT_DEVICE int column_of_vector(int vector) const { return head + 8 * vector; }
  PT_DEVICE int column_of_edge(int edge) const { return edge < head ? edge : edge + 8 * vectors; }
};

/// The labels of a row; ids outside the vocabulary are passed over.
struct Labels {
  const int32_t* ids;  // [K]
  int K;

  PT_DEVICE bool valid(int32_t id, const Row& row) const {
    return static_cast<uint32_t>(id) < static_cast<uint32_t>(row.V);
  }

  /// Σ z[label], by one warp.
  PT_DEVICE double warp_sum_of(const Row& row) const {
    double sum = 0;
    for (int k = lane_id(); k < K; k += 32)
      if (valid(ids[k], row)) sum += static_cast<double>(to_float(row.z[ids[k]]));
    return warp_sum(sum);
  }

  /// `position`: where the labels lie in ids.
  PT_DEVICE void report_invalid(const Row& row, int64_t position, const FaultReport& fault) const {
    for (int k = static_cast<int>(threadIdx.x); k < K; k += static_cast<int>(blockDim.x))
      if (!valid(ids[k], row)) fault.raise(FaultKind::token_id, position + k, ids[k], row.V);
  }

  /// Bit v: a label lies in this thread's vector v of the tile.
  template <int kThreads, int kVectors>
  PT_DEVICE uint32_t hits(const Row& row, int first_vector) const {
    uint32_t mask = 0;
    for (int k = 0; k < K; k++) {
      if (!valid(ids[k], row) || ids[k] < row.head) continue;
      const uint32_t vector = static_cast<uint32_t>((ids[k] - row.head) / 8 - first_vector);
      if (vector % kThreads == threadIdx.x && vector / kThreads < kVectors) mask |= 1u << (vector / kThreads);
    }
    return mask;
  }

  /// x[e] −= weight for each label at column + e.
  template <int kCount>
  PT_DEVICE void subtract(float (&x)[kCount], int column, float weight) const {
    for (int k = 0; k < K; k++) {
      const uint32_t at = static_cast<uint32_t>(ids[k]) - static_cast<uint32_t>(column);
#pragma unroll
      for (uint32_t e = 0; e < kCount; e++) x[e] -= at == e ? weight : 0.0f;
    }
  }
};

/// Σ exp(z − greatest) of what one thread has seen of a row. Its exponentials need not wait for the greatest of all.
struct RunningSum {
  float greatest = -INFINITY;
  float sum = 0;

  template <int kCount>
  PT_DEVICE void add(const float (&z)[kCount]) {
    float larger = greatest;
#pragma unroll
    for (int e = 0; e < kCount; e++) larger = fmaxf(larger, z[e]);
    const float shift = larger == -INFINITY ? 0.0f : larger;  // −inf − −inf would be NaN; here it is still a 0
    sum *= exp_of(greatest - shift);
#pragma unroll
    for (int e = 0; e < kCount; e++) sum += exp_of(z[e] - shift);
    greatest = larger;
  }
};

/// logits[column + e] := factor · exp(z[e] − shift) − weight for each label there
struct Gradient {
  float shift, factor, weight;

  template <int kCount>
  PT_DEVICE void apply(float (&z)[kCount], int column, const Labels& labels, bool labelled) const {
#pragma unroll
    for (int e = 0; e < kCount; e++) z[e] = exp_of(z[e] - shift) * factor;
    if (labelled) labels.subtract(z, column, weight);
  }
};

/// What a block holds of a row in registers: kVectors vectors a thread, neighbours in neighbouring threads.
template <int kThreads, int kVectors>
struct Tile {
  uint4 packed[kVectors];

  static PT_DEVICE int vector(int first, int v) { return first + v * kThreads + static_cast<int>(threadIdx.x); }

  PT_DEVICE void load(const Row& row, int first) {
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      packed[v].x = packed[v].y = packed[v].z = packed[v].w = kTwoMinusInfinities;  // whose exponentials are 0
      const int at = vector(first, v);
      if (at < row.vectors) packed[v] = *reinterpret_cast<const uint4*>(row.z + row.column_of_vector(at));
    }
  }

  /// Unpacked anew at each use: else the compiler keeps all 8·kVectors floats, and registers spill.
  PT_DEVICE void unpack(float (&z)[8], int v) {
    opaque(packed[v].x), opaque(packed[v].y), opaque(packed[v].z), opaque(packed[v].w);
    unpack8(z, packed[v]);
  }

  PT_DEVICE void add_to(RunningSum& seen) {
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      float z[8];
      unpack(z, v);
      seen.add(z);
    }
  }

  PT_DEVICE void store(const Row& row, int first, const Gradient& gradient, const Labels& labels) {
    const uint32_t hits = labels.template hits<kThreads, kVectors>(row, first);
#pragma unroll
    for (int v = 0; v < kVectors; v++) {
      const int at = vector(first, v);
      if (at >= row.vectors) continue;
      float z[8];
      unpack(z, v);
      gradient.apply(z, row.column_of_vector(at), labels, hits >> v & 1);
      store8(row.z + row.column_of_vector(at), z);
    }
  }
};

/// One of the single logits before and after the vectors: thread i holds edge i.
struct Edge {
  int column = -1;  // none
  float z[1];

  PT_DEVICE explicit Edge(const Row& row) {
    const int edge = static_cast<int>(threadIdx.x);
    if (edge >= row.edges) return;
    column = row.column_of_edge(edge);
    z[0] = to_float(row.z[column]);
  }

  PT_DEVICE void add_to(RunningSum& seen) const {
    if (column >= 0) seen.add(z);
  }

  PT_DEVICE void store(const Row& row, const Gradient& gradient, const Labels& labels) {
    if (column < 0) return;
    gradient.apply(z, column, labels, true);
    row.z[column] = to_bf16(z[0]);
  }
};

/// The last position of a sequence has no labels.
template <int kThreads>
PT_DEVICE void finish_unlabelled(const Chunk& chunk, const Row& row) {
  if (threadIdx.x == 0) chunk.loss[blockIdx.x] = 0;
  if (!chunk.gradient) return;
  const float zeros[8] = {0};
  for (int i = static_cast<int>(threadIdx.x); i < row.vectors; i += kThreads)
    store8(row.z + row.column_of_vector(i), zeros);
  if (static_cast<int>(threadIdx.x) < row.edges) row.z[row.column_of_edge(static_cast<int>(threadIdx.x))] = bf16{0};
}

struct Place {
  int row;  // in the batch
  bool labelled;

  PT_DEVICE explicit Place(const Chunk& chunk)
      : row(chunk.first_row + static_cast<int>(blockIdx.x)), labelled(row % chunk.positions != chunk.positions - 1) {}

  /// Where the labels begin in ids.
  PT_DEVICE int64_t labels(const Chunk& chunk) const { return (static_cast<int64_t>(row) + 1) * chunk.patch; }
};

struct Softmax {
  float greatest;
  float total;  // Σ exp(z − greatest)
};

template <int kThreads>
PT_DEVICE Softmax combine(const RunningSum& seen, float* scratch) {
  const float greatest = block_max<kThreads>(seen.greatest, scratch);
  return {greatest, block_sum<kThreads>(seen.sum * exp_of(seen.greatest - greatest), scratch)};
}

PT_DEVICE double loss_of(const Softmax& softmax, double label_sum, int K) {
  return static_cast<double>(softmax.greatest) + log(static_cast<double>(softmax.total)) - label_sum / K;
}

PT_DEVICE Gradient gradient_of(const Chunk& chunk, const Softmax& softmax) {
  const float scale = static_cast<float>(*chunk.scale);
  return {softmax.greatest, scale / softmax.total, scale / static_cast<float>(chunk.patch)};
}
}  // namespace

namespace cross_entropy_kernels {
/// A row of at most kThreads · kVectors vectors: read once.
template <int kThreads, int kVectors>
__global__ void __launch_bounds__(kThreads, 1024 / kThreads) rows_in_registers(Chunk chunk, FaultReport fault) {
  PT_SHARED(shared);
  float* scratch = reinterpret_cast<float*>(shared);  // [kThreads / 32]
  const Row row(chunk, blockIdx.x);
  const Place place(chunk);
  if (!place.labelled) {
    finish_unlabelled<kThreads>(chunk, row);
    return;
  }
  Tile<kThreads, kVectors> tile;
  tile.load(row, 0);
  Edge edge(row);

  // The labels' logits are read here, before the barriers behind which the row is overwritten.
  const Labels labels{chunk.ids + place.labels(chunk), chunk.patch};
  const double label_sum = warp_id() == 0 ? labels.warp_sum_of(row) : 0;

  RunningSum seen;
  tile.add_to(seen);
  edge.add_to(seen);
  const Softmax softmax = combine<kThreads>(seen, scratch);
  if (chunk.gradient) {
    const Gradient gradient = gradient_of(chunk, softmax);
    tile.store(row, 0, gradient, labels);
    edge.store(row, gradient, labels);
  }
  if (threadIdx.x == 0) chunk.loss[blockIdx.x] = loss_of(softmax, label_sum, chunk.patch);
  labels.report_invalid(row, place.labels(chunk), fault);
}

/// A row of any length: with the gradient it is read twice.
template <int kThreads, int kVectors>
__global__ void __launch_bounds__(kThreads, 1024 / kThreads) rows_in_two_passes(Chunk chunk, FaultReport fault) {
  PT_SHARED(shared);
  float* scratch = reinterpret_cast<float*>(shared);  // [kThreads / 32]
  const Row row(chunk, blockIdx.x);
  const Place place(chunk);
  if (!place.labelled) {
    finish_unlabelled<kThreads>(chunk, row);
    return;
  }
  const Labels labels{chunk.ids + place.labels(chunk), chunk.patch};
  const double label_sum = warp_id() == 0 ? labels.warp_sum_of(row) : 0;

  Tile<kThreads, kVectors> tile;
  Edge edge(row);
  RunningSum seen;
  for (int first = 0; first < row.vectors; first += kThreads * kVectors) {
    tile.load(row, first);
    tile.add_to(seen);
  }
  edge.add_to(seen);
  const Softmax softmax = combine<kThreads>(seen, scratch);
  if (chunk.gradient) {
    const Gradient gradient = gradient_of(chunk, softmax);
    for (int first = 0; first < row.vectors; first += kThreads * kVectors) {
      tile.load(row, first);
      tile.store(row, first, gradient, labels);
    }
    edge.store(row, gradient, labels);
  }
  if (threadIdx.x == 0) chunk.loss[blockIdx.x] = loss_of(softmax, label_sum, chunk.patch);
  labels.report_invalid(row, place.labels(chunk), fault);
}
}  // namespace cross_entropy_kernels

namespace sum_loss_kernels {
constexpr int kThreads = 1024;

/// One block: thread t adds losses t, t + 1024, …, then the threads' sums are added as a tree.
__global__ void __launch_bounds__(kThreads)
    sum_in_order(const double* loss, double* total, int64_t n, bool accumulate) {
  PT_SHARED(shared);
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kThreads) sum += loss[i];
  sum = block_sum<kThreads>(sum, reinterpret_cast<double*>(shared));
  if (threadIdx.x == 0) *total = accumulate ? *total + sum : sum;
}
}  // namespace sum_loss_kernels

// -----------------------------------------------------------------------------------------------------------------

Status cross_entropy(const Command& c, const Launch& launch) {
  namespace op = pt::cross_entropy;
  using namespace cross_entropy_kernels;
  const int64_t V = c.dim(op::logits, 1);
  const Chunk chunk{static_cast<bf16*>(c.tensor(op::logits).data),
                    c.i32(op::ids),
                    c.f64(op::loss),
                    c.f64(op::scale),
                    static_cast<int>(c.integer(op::first_row)),
                    static_cast<int>(c.integer(op::positions)),
                    static_cast<int>(c.integer(op::patch)),
                    static_cast<int>(V),
                    c.flag(op::gradient)};
  const dim3 grid(blocks_for(c.dim(op::logits, 0), 1));
  const auto run = [&](void (*kernel)(Chunk, FaultReport), int threads) {
    return start(launch, "cross_entropy", kernel, grid, dim3(threads), threads / 32 * sizeof(float), chunk,
                 launch.fault);
  };
  // Small blocks for small vocabularies; from 8 vectors a thread on, two blocks of 512 fill a processor's registers by
  // half, so that one loads while the other computes.
  if (V <= 8 * 128) return run(rows_in_registers<128, 1>, 128);
  if (V <= 8 * 128 * 4) return run(rows_in_registers<128, 4>, 128);
  if (V <= 8 * 256 * 8) return run(rows_in_registers<256, 8>, 256);
  if (V <= 8 * 512 * 8) return run(rows_in_registers<512, 8>, 512);
  if (V <= 8 * 1024 * 8) return run(rows_in_registers<1024, 8>, 1024);
  return run(rows_in_two_passes<512, 4>, 512);
}

Status sum_loss(const Command& c, const Launch& launch) {
  namespace op = pt::sum_loss;
  using namespace sum_loss_kernels;
  return start(launch, "sum_loss", sum_in_order, dim3(1), dim3(kThreads), kThreads / 32 * sizeof(double),
               static_cast<const double*>(c.f64(op::loss)), c.f64(op::total), c.dim(op::loss, 0),
               c.flag(op::accumulate));
}

}  // namespace pt::cuda
