// Two passes: a block sums the squares of kBlock elements, then one block adds the sums and writes the result.
//
// Bytes an element: 4. A thread has eight reads of 16 bytes under way.
#include <cmath>

#include "cuda/bf16.cuh"
#include "cuda/kernels.h"
#include "cuda/reduce.cuh"
#include "ops/grad_norm.h"

namespace pt::cuda {
namespace {

using pt::grad_norm::kBlock;

constexpr int kThreads = 256;
constexpr int kQuads = 8;  // vectors of four floats that a thread has under way
constexpr int kStride = kThreads * kQuads * 4;
static_assert(kBlock % kStride == 0, "a whole block has no rest");

constexpr int kFinishThreads = 1024;

}  // namespace

namespace grad_norm_kernels {

/// sums[block] = Σ g² of the block's elements.
__global__ void __launch_bounds__(kThreads) sum_squares(const float* gradient, double* sums, int64_t n) {
  PT_SHARED(shared);
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * kBlock;
  double sum = 0;
  if (begin + kBlock <= n) {
    double part[4] = {};
    for (int64_t i = begin + threadIdx.x * 4; i < begin + kBlock; i += kStride) {
      float g[kQuads][4];
#pragma unroll
      for (int q = 0; q < kQuads; q++) load4(g[q], gradient + i + q * kThreads * 4);
#pragma unroll
      for (int q = 0; q < kQuads; q++)
#pragma unroll
        for (int k = 0; k < 4; k++) part[k] += static_cast<double>(g[q][k]) * g[q][k];
    }
    sum = (part[0] + part[1]) + (part[2] + part[3]);
  } else {
    for (int64_t i = begin + threadIdx.x; i < n; i += kThreads) sum += static_cast<double>(gradient[i]) * gradient[i];
  }
  sum = block_sum<kThreads>(sum, reinterpret_cast<double*>(shared));
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

/// What the update is held against; null or not.
struct Guards {
  const double* loss;    // [1]
  const double* limits;  // [largest loss, largest norm]
};

/// result = [norm, scale, apply] of the `count` sums. After a fault found earlier in the plan nothing is applied.
__global__ void __launch_bounds__(kFinishThreads)
    finish(const double* sums, int count, double max_norm, Guards guards, FaultReport fault, double* result) {
  PT_SHARED(shared);
  double squares = 0;
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kFinishThreads) squares += sums[i];
  squares = block_sum<kFinishThreads>(squares, reinterpret_cast<double*>(shared));
  if (threadIdx.x > 0) return;
  const double norm = sqrt(squares);
  // A comparison with NaN is false.
  const auto [loss, limits] = guards;
  const bool norm_passes = norm < INFINITY && (!limits || norm <= limits[1]);
  const bool loss_passes = !loss || (fabs(*loss) < INFINITY && (!limits || *loss <= limits[0]));
  const bool apply = norm_passes && loss_passes && fault.fault->raised == 0;
  result[0] = norm;
  result[1] = !apply ? 0 : max_norm == 0 ? 1 : fmin(1.0, max_norm / (norm + 1e-6));
  result[2] = apply;
}

}  // namespace grad_norm_kernels

// --------------------------------------------------------------------------------------------------------------------

Status grad_norm(const Command& c, const Launch& launch) {
  namespace op = pt::grad_norm;
  const int64_t n = c.tensor(op::gradient).size();
  const unsigned blocks = blocks_for(n, kBlock);
  const grad_norm_kernels::Guards guards = {c.f64(op::loss), c.f64(op::limits)};
  double* sums = static_cast<double*>(launch.workspace);  // [⌈n/kBlock⌉]
  const Status status = start(launch, "grad_norm: sums", grad_norm_kernels::sum_squares, blocks, kThreads,
                              kThreads / 32 * sizeof(double), c.f32(op::gradient), sums, n);
  if (!status.ok()) return status;
  return start(launch, "grad_norm: result", grad_norm_kernels::finish, 1, kFinishThreads,
               kFinishThreads / 32 * sizeof(double), sums, static_cast<int>(blocks), c.params[op::max_norm], guards,
               launch.fault, c.f64(op::result));
}

}  // namespace pt::cuda
